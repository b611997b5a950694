/** What explorer and fuzzer can be asked for: apart from them, so that a help text needs neither. */

/** What histories are about. */
export const FAMILIES = ['core', 'attributes', 'borders', 'sparse', 'configs', 'inject', 'fail', 'vram'] as const;
export type Family = (typeof FAMILIES)[number];

/** How much the fuzzer runs unless it is told otherwise: operations of all histories, and of one. */
export const DEFAULT_OPERATIONS = 20_000;
export const DEFAULT_LENGTH = 200;

/** The most points of a schedule at which others come in, unless another number is given. */
export const DEFAULT_PREEMPTIONS = 2;
/** The most schedules of a program that are run unless another number is given. */
export const MOST_SCHEDULES = 1_000_000;
/** The same of a generated program: the next program tells more. */
export const MOST_OF_GENERATED = 2000;
