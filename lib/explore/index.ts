/** The race explorer: every schedule of a small program, and what goes wrong in them. */
export { explore } from './explorer.ts';
export type { Exploration, ExploreOptions } from './explorer.ts';
export type { Finding } from './findings.ts';
export { exploreGenerated, generateProgram, isRace, shrinkProgram } from './generate.ts';
export type { Generated, GenerateOptions } from './generate.ts';
export { mergeExplorations, mergeGenerated } from './merge.ts';
export { parseProgram, readProgram } from './program.ts';
export type { ProgramSource } from './program.ts';
export { fuzz, fuzzAgainst, Fuzzer, FuzzSum } from './fuzz.ts';
export type { Fuzzed, FuzzedHistory, FuzzOptions, HistoryListener } from './fuzz.ts';
export { hasFamily } from './history.ts';
