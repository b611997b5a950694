/** The list `fail` of an operation: passages of a point that fail (spec/trace-format-v7 §2). */
import type { EmulatedMachine, FailurePoint, PlannedFailure } from '../../../emulator/index.ts';
import { Errno } from '../../uapi/errno.ts';
import { Fields, TraceFormatError } from './fields.ts';

/** Points of the format, as the emulator names them. */
const POINTS = {
  'lock-pd': 'lock-page-directory',
  hmm: 'hmm-range-fault',
  update: 'write-dma-entry',
  zap: 'zap-ptes',
  pdes: 'update-directories',
  'attr-alloc': 'allocate-interval',
  'range-alloc': 'allocate-range',
  reserve: 'reserve-page-directory',
  'mn-insert': 'insert-notifier',
  dma: 'map-dma',
  cpuram: 'allocate-page',
  bo: 'allocate-buffer',
  copy: 'copy-buffer',
  gart: 'map-copy-window',
  ram: 'allocate-migration-page',
  ramhuge: 'allocate-huge-migration-page',
  split: 'split-folio',
  mem: 'allocate-memory',
} as const satisfies Readonly<Record<string, FailurePoint>>;
type OperationFailName = keyof typeof POINTS;
/** Points that only the start of the driver passes. */
type StartFailName = 'region' | 'memremap';
type FailName = OperationFailName | StartFailName;

/** The most entries of a list. */
const MOST_FAILURES = 64;
const LARGEST_ERRNO = 4095;

/** One entry: the `nth` passage of `at` in the operation, from 1, fails with `errno`, a positive number. */
export interface TraceFailure {
  readonly at: FailName;
  readonly nth: number;
  readonly errno: number;
}

export function parseFailures(
  fields: Fields,
  points: readonly FailName[] = Object.keys(POINTS) as OperationFailName[],
): TraceFailure[] {
  const list = fields.list('fail');
  const where = `${fields.operation}.fail`;
  if (list.length > MOST_FAILURES)
    throw new TraceFormatError(`${where}: expected at most ${MOST_FAILURES} entries, got ${list.length}`);
  return list.map((value) => {
    const entry = new Fields(where, value);
    entry.only('at', 'nth', 'err');
    const nth = entry.has('nth') ? entry.count('nth') : 1;
    if (nth === 0) throw new TraceFormatError(`${where}.nth: expected a number from 1, got 0`);
    const error = entry.has('err') ? entry.raw('err') : -Errno.ENOMEM;
    if (typeof error !== 'number' || !Number.isInteger(error) || error >= 0 || error < -LARGEST_ERRNO) {
      throw new TraceFormatError(
        `${where}.err: expected a negative errno from -${LARGEST_ERRNO} to -1, got ${JSON.stringify(error)}`,
      );
    }
    const at = entry.word('at', points);
    // An allocation only tells that there is no memory.
    return { at, nth, errno: at === 'mem' || at.endsWith('-alloc') ? Errno.ENOMEM : -error };
  });
}

/** The failures as an emulated device plans them: of each point in the order of its passages, the last entry of a passage. */
export function plannedFailures(failures: readonly TraceFailure[]): PlannedFailure[] {
  const planned: PlannedFailure[] = [];
  for (const name of new Set(failures.map(({ at }) => at))) {
    const point = POINTS[name as OperationFailName];
    const byPassage = new Map(failures.filter(({ at }) => at === name).map(({ nth, errno }) => [nth, errno]));
    let before = 0;
    for (const [nth, errno] of [...byPassage].sort(([left], [right]) => left - right)) {
      planned.push({ point, errno, skip: nth - before - 1, count: 1 });
      before = nth;
    }
  }
  return planned;
}

/** Plans these failures, null: none, wherever in the machine they are met; the returned function plans again what was planned. */
export function planFailures({ devices, process }: EmulatedMachine, planned: PlannedFailure[] | null): () => void {
  // One list for all: it says how often a point is passed, by whomever.
  const before = [process.space, ...devices].map(({ failures }) => ({ failures, was: failures.exchange(planned) }));
  return () => {
    for (const { failures, was } of before) failures.exchange(was);
  };
}
