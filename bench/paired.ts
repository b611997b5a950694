/**
 * One workload, done by the emulator and by the C baseline in turns: small batches of each, so that both see the same
 * hour of the machine, and the ratio means something on a machine that is busy, too.
 */
import type { CBaseline, CMachine } from './c-baseline.ts';
import { now } from './clock.ts';
import { summary } from './measurement.ts';
import type { Measurement } from './measurement.ts';
import type { OperationList } from './operations.ts';
import { Scene } from './scene.ts';
import { stateOf } from './scene-state.ts';

/** Work for both sides. */
export interface PairedWorkload {
  readonly name: string;
  /** Done once; not timed. */
  readonly begin: OperationList;
  /** Done before each batch; not timed. */
  readonly prepare?: OperationList;
  /** What is timed, `operations` at a time, around its end. */
  readonly batch: OperationList;
  /** Operations of `batch` in one batch. */
  readonly operations: number;
  /** How many things a batch is counted as, where that is not its operations. */
  readonly counted?: number;
  /** The ratio to C that is wanted at most. */
  readonly goal: number;
}

/** Rounds before the ones that count, and how long those may take: at least so many rounds, at least so many milliseconds of the emulator's. */
const WARM_UP_ROUNDS = 12;
const LEAST_ROUNDS = 15;
const TIME = 600;

/** Measures one workload; without a baseline only the emulator's side. Throws where the two came to different states. */
export function measurePaired(workload: PairedWorkload, baseline: CBaseline): Measurement {
  const machine = baseline.problem === undefined ? baseline.start() : undefined;
  try {
    return measureSides(workload, machine);
  } finally {
    machine?.close();
  }
}

function measureSides(workload: PairedWorkload, machine: CMachine | undefined): Measurement {
  const { name, begin, prepare, batch, operations, goal } = workload;
  const scene = new Scene();
  scene.run(begin, 0, begin.length);
  machine?.run(begin, 0, begin.length);
  const ours: number[] = [];
  const theirs: number[] = [];
  let from = 0;
  // What the GETs of a batch gave, as long as only one side has done it.
  let sum: number | undefined;
  const compareSums = (own: number): void => {
    if (sum !== undefined && sum !== own) throw new Error(`${name}: GETs gave ${sum} on one side, ${own} on the other`);
    sum = sum === undefined ? own : undefined;
  };
  const runOurs = (): number => {
    if (prepare !== undefined) scene.run(prepare, 0, prepare.length);
    const start = now();
    const gave = scene.run(batch, from, operations);
    const time = now() - start;
    if (machine !== undefined) compareSums(gave);
    return time;
  };
  const runTheirs = (): number => {
    if (prepare !== undefined) machine!.run(prepare, 0, prepare.length);
    const result = machine!.run(batch, from, operations);
    compareSums(result.sum);
    return result.time;
  };
  let spent = 0;
  for (let round = -WARM_UP_ROUNDS; round < LEAST_ROUNDS || spent < TIME; round++) {
    // Who goes first alternates, too.
    const before = machine !== undefined && round % 2 === 0 ? runTheirs() : 0;
    const own = runOurs();
    const after = machine !== undefined && round % 2 !== 0 ? runTheirs() : 0;
    from = (from + operations) % batch.length;
    if (round < 0) continue;
    spent += own;
    ours.push(own);
    theirs.push(before + after);
  }
  if (machine !== undefined) {
    const own = stateOf(scene);
    const other = machine.state();
    if (own !== other) throw new Error(`${name}: the emulator came to '${own}', the C baseline to '${other}'`);
  }
  const scale = 1000 / (workload.counted ?? operations);
  const values = ours.map((time) => time * scale);
  return {
    name,
    unit: 'us',
    ...summary(values),
    target:
      machine === undefined
        ? undefined
        : {
            kind: 'C',
            value: summary(theirs).median * scale,
            ratio: summary(ours.map((time, round) => time / theirs[round]!)).median,
            goal,
          },
  };
}
