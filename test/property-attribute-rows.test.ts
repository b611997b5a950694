/** Attribute intervals that become rows when nobody holds them (emulator/svm/attribute-tree): nothing else may change by that. */
import { describe, expect, it } from 'vitest';
import { AttributeTree } from '../emulator/svm/attribute-tree.ts';
import type { GpuVm, SvmContext } from '../emulator/svm/context.ts';
import { parseTrace } from '../lib/trace/format/parse-trace.ts';
import type { TraceLine } from '../lib/trace/format/parse-trace.ts';
import { TraceRunner } from '../lib/trace/replay/runner.ts';
import { sample, times } from './support/effort.ts';
import { INJECTED_PROFILES, injectedTrace } from './support/injected-trace.ts';
import { Recordings } from './support/recordings.ts';

const SEEDS = times(4, 1);
const OPERATIONS = 120;
/** Always rows, and from a few intervals on: then a tree has objects and rows, and changes over and back. */
const LIMITS = [0, 5];
/** Recordings in which others come in while an operation keeps an interval; without a `hold` of the operation some differ. */
const RACES = /^(inject|race|restore|faults)-/;

/** From now on the contexts of `vm` have trees in which there are rows above `limit` intervals. */
function limitObjects(vm: GpuVm, limit: number): void {
  let current = vm.context;
  if (current !== null) {
    expect(current.tree.size).toBe(0);
    Object.assign(current, { tree: new AttributeTree(limit) });
  }
  Object.defineProperty(vm, 'context', {
    get: () => current,
    set: (context: SvmContext | null) => {
      if (context !== null) Object.assign(context, { tree: new AttributeTree(limit) });
      current = context;
    },
  });
}

/** The answer, or what is thrown: some seeds come to what is not modelled. */
function answerTo(runner: TraceRunner, line: TraceLine): string {
  try {
    return JSON.stringify(runner.execute(line.operation));
  } catch (error) {
    return String(error);
  }
}

/** What each line is answered, and the most intervals that there were. */
function answersOf(lines: readonly TraceLine[], limit?: number): { answers: string[]; most: number } {
  const runner = new TraceRunner();
  const limited = new Set<GpuVm>();
  let most = 0;
  const answers = lines.map((line) => {
    const answer = answerTo(runner, line);
    for (let gpu = 0; limit !== undefined && gpu < runner.gpus; gpu++) {
      const { vm } = runner.subject(gpu).file;
      if (!limited.has(vm)) limitObjects(vm, limit);
      limited.add(vm);
    }
    most = Math.max(most, runner.file.context?.tree.size ?? 0);
    return answer;
  });
  return { answers, most };
}

/** Runs the lines with objects only, then with each of the limits; gives the most intervals that there were. */
function compareLimits(name: string, lines: readonly TraceLine[]): number {
  const { answers, most } = answersOf(lines);
  for (const limit of LIMITS) {
    const others = answersOf(lines, limit).answers;
    const different = answers.findIndex((answer, index) => answer !== others[index]);
    // Of the first one only: the others follow from it.
    expect([different, others[different]], `${name}, rows above ${limit}`).toEqual([-1, undefined]);
  }
  return most;
}

describe.each(INJECTED_PROFILES)('with a second thread at every point of %s', (profile) => {
  it(`answers are the same with rows above ${LIMITS.join(' or ')} intervals`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const lines = parseTrace(`seed ${seed}`, injectedTrace({ seed, operations: OPERATIONS, profile }));
      expect(compareLimits(`seed ${seed}`, lines)).toBeGreaterThan(Math.max(...LIMITS));
    }
  });
});

describe.each(['vectors', 'vectors-v7', 'vectors-v8', 'vectors-xnack-off'])('recorded races of %s', (folder) => {
  it(`are answered the same with rows above ${LIMITS.join(' or ')} intervals`, () => {
    const recordings = new Recordings(folder);
    const races = recordings.files.filter((file) => RACES.test(file));
    expect(races.length).toBeGreaterThan(3);
    for (const file of sample(races, 3)) compareLimits(file, recordings.read(file));
  });
});
