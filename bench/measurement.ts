/** One measured quantity and how it is taken: batches timed by tinybench, with untimed preparation between them. */
import { Bench } from 'tinybench';
import { now } from './clock.ts';

/** What a measured value is held against: a bound in the unit of the measurement, or the C baseline of the same run. */
export type Target =
  | { readonly kind: 'limit'; readonly value: number }
  | {
      readonly kind: 'C';
      /** What C needs, in the unit of the measurement. */
      readonly value: number;
      /** The value next to that of C in the same moment, and the most it is to be. */
      readonly ratio: number;
      readonly goal: number;
    };

/** A finished measurement. Smaller values are better, unless the unit is operations a second. */
export interface Measurement {
  readonly name: string;
  /** Microseconds, bytes, or operations per second. */
  readonly unit: 'us' | 's' | 'B' | 'op/s';
  /** Median of the batches. */
  readonly median: number;
  /** Best of the batches: what the machine can do while nothing else runs on it. */
  readonly best: number;
  readonly target: Target | undefined;
}

/** Median and best of some values. */
export function summary(values: readonly number[]): Pick<Measurement, 'median' | 'best'> {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: sorted[sorted.length >> 1]!, best: sorted[0]! };
}

/** A piece of work whose time is wanted. */
export interface Workload {
  readonly name: string;
  /** Operations in one call of `batch`. */
  readonly operations: number;
  /** Brings the scene into the state that `batch` starts from; not timed. */
  readonly prepare?: () => void;
  /** The timed part; long enough that the clock's resolution does not matter. */
  readonly batch: () => void;
}

/** Milliseconds of timed work for each workload. */
const TIME = 700;
const WARM_UP_TIME = 250;
const LEAST_BATCHES = 12;

/** Times one workload. */
export function measureTime(workload: Workload): Measurement {
  const bench = new Bench({
    now,
    time: TIME,
    iterations: LEAST_BATCHES,
    warmupTime: WARM_UP_TIME,
    warmupIterations: 4,
    throws: true,
  });
  const { prepare, batch, operations } = workload;
  bench.add(workload.name, batch, prepare === undefined ? {} : { beforeEach: prepare });
  bench.runSync();
  const result = bench.tasks[0]!.result;
  if (result.state !== 'completed')
    throw new Error(`${workload.name}: the benchmark did not complete (${result.state})`);
  // tinybench counts in milliseconds per batch.
  const scale = 1000 / operations;
  return {
    name: workload.name,
    unit: 'us',
    median: result.latency.p50 * scale,
    best: result.latency.min * scale,
    target: undefined,
  };
}
