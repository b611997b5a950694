// Models: nothing - a defect that was met, as data: what the hazard monitor says and events carry.

/**
 * How bad a hazard is: 'corruption' - a real kernel or GPU uses memory that is not its own; 'violation' - an
 * invariant of SVM does not hold; 'notice' - as the driver means it, but hardly as a program expects it.
 */
export type Severity = 'corruption' | 'violation' | 'notice';

/** What an operation in the history of a hazard was. */
export type OperationWord =
  | 'mmap'
  | 'munmap'
  | 'mprotect'
  | 'discard'
  | 'SET_ATTR'
  | 'GET_ATTR'
  | 'RESET_ATTR'
  | 'ioctl'
  | 'GPU read fault'
  | 'GPU write fault'
  | 'collection'
  | 'close';

/** One operation of the past. */
export interface LoggedOperation {
  /** Number of the operation, from 1. */
  readonly operation: number;
  readonly what: OperationWord;
}

/** A defect that was met while a program ran. */
export interface Hazard {
  /** Entry of the catalogue 07-quirks ('Q35'), an invariant ('I1'), or a word ('refault-loop', 'unhandled-fault', 'leak'). */
  readonly quirk: string;
  /** Invariants that do not hold. */
  readonly invariants: readonly string[];
  readonly severity: Severity;
  /** Number of the device; 0 where the driver as a whole is meant (Q12). */
  readonly device: number;
  /** The bytes `[address, address + size)` that are concerned. */
  readonly address: bigint;
  readonly size: bigint;
  /** Number of the operation that showed it, from 1. */
  readonly operation: number;
  /** What was met, in words. */
  readonly detail: string;
  /** What a program can do about it. */
  readonly advice: string;
  /** Operations on these pages that led there, oldest first; the last is the one that showed it. */
  readonly history: readonly LoggedOperation[];
}
