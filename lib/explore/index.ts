/** The race explorer: every schedule of a small program, and what goes wrong in them. */
export { explore, MOST_SCHEDULES } from './explorer.ts';
export type { Exploration, ExploreOptions } from './explorer.ts';
export type { Finding } from './findings.ts';
export { exploreGenerated } from './generate.ts';
export type { Generated } from './generate.ts';
export { parseProgram, readProgram } from './program.ts';
export type { ProgramSource } from './program.ts';
