// Models: nothing - the names of this folder.
export { QUIRK_CATALOGUE, QUIRKS, UNOBSERVABLE } from './catalogue.ts';
export type { CataloguedQuirk, Quirk } from './quirk.ts';
export { formatHazard, HazardError } from './hazard.ts';
export { HazardMonitor } from './monitor.ts';
export type { WatchedFile } from './watched.ts';
