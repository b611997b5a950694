// Models: nothing - the names of this folder.
export { QUIRK_CATALOGUE, QUIRKS, UNOBSERVABLE } from './catalogue.ts';
export { holdsIn } from './quirk.ts';
export type { CataloguedQuirk, Quirk } from './quirk.ts';
export { evidenceOf } from './evidence.ts';
export type { Evidence } from './evidence.ts';
export { formatHazard, HazardError } from './hazard.ts';
export { HazardMonitor } from './monitor.ts';
export type { WatchedFile } from './watched.ts';
