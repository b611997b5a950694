/** Names of what the emulator has: apart from it, so that a help text need not load it. */
export { COST_NAMES } from '../../emulator/cost/cost-figures.ts';
export { GPU_CATALOGUE } from '../../emulator/gpu/catalogue.ts';
export type { AsicName } from '../../emulator/gpu/catalogue.ts';
