// Models: nothing - sums of what was spent.
import { COST_KINDS } from './cost-fields.ts';
import type { CostKind } from './cost-fields.ts';

/** Which way bytes went: copies to VRAM and to system memory; accesses of the GPU to its VRAM and to system memory. */
export const BYTE_DIRECTIONS = ['toVram', 'toSystem', 'local', 'remote'] as const;
/** Where bytes went: to VRAM, to system memory, or accessed in place, near or over the link. */
export type ByteDirection = (typeof BYTE_DIRECTIONS)[number];

/** How often something was done, and the time that it took. */
export interface CostSum {
  readonly count: number;
  readonly nanoseconds: number;
}

/** What was spent since the machine was made. */
export interface CostTotals {
  /** All of it; the sum of the kinds. */
  readonly nanoseconds: number;
  /** Faults of the GPU that were raised. */
  readonly faults: number;
  readonly kinds: Readonly<Record<CostKind, CostSum>>;
  readonly bytes: Readonly<Record<ByteDirection, number>>;
}

/** Sums that grow. */
export class CostAccount {
  readonly #counts = COST_KINDS.map(() => 0);
  readonly #nanoseconds = COST_KINDS.map(() => 0);
  readonly #bytes = BYTE_DIRECTIONS.map(() => 0);

  add(kind: CostKind, count: number, nanoseconds: number): void {
    const index = COST_KINDS.indexOf(kind);
    this.#counts[index]! += count;
    this.#nanoseconds[index]! += nanoseconds;
  }

  addBytes(direction: ByteDirection, bytes: number): void {
    this.#bytes[BYTE_DIRECTIONS.indexOf(direction)]! += bytes;
  }

  /** The sums of `accounts`, now. */
  static totals(accounts: readonly CostAccount[]): CostTotals {
    const sum = (of: (account: CostAccount) => number): number =>
      accounts.reduce((total, account) => total + of(account), 0);
    const kinds = Object.fromEntries(
      COST_KINDS.map((kind, index) => [
        kind,
        { count: sum((each) => each.#counts[index]!), nanoseconds: sum((each) => each.#nanoseconds[index]!) },
      ]),
    ) as Record<CostKind, CostSum>;
    return {
      nanoseconds: Object.values(kinds).reduce((total, { nanoseconds }) => total + nanoseconds, 0),
      faults: kinds['fault-delivery'].count,
      kinds,
      bytes: Object.fromEntries(
        BYTE_DIRECTIONS.map((direction, index) => [direction, sum((each) => each.#bytes[index]!)]),
      ) as Record<ByteDirection, number>,
    };
  }
}
