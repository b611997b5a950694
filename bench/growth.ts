/** Whether an operation takes longer where there are more mappings, attribute intervals and GPU ranges than it is about. */
import { now } from './clock.ts';
import { GROWTH_OF_ALL, GROWTH_OPERATIONS, GrowthScene } from './growth-scene.ts';
import type { GrowthOperation } from './growth-scene.ts';
import { summary } from './measurement.ts';
import type { Measurement } from './measurement.ts';

/** Things of the scenes. */
const SIZES = [1_000, 10_000, 100_000, 1_000_000] as const;
/** Trees are searched in more steps, and need more of the caches; what is looked at one by one takes a thousand times as long. */
const MOST_GROWTH = 4;
const BATCHES = 15;
const BATCH = 2_000;

/** Microseconds of an operation in a scene: the best and the median of some batches. */
export function timeOf(
  scene: GrowthScene,
  { run }: GrowthOperation,
  batches: number,
  batch: number,
): { readonly best: number; readonly median: number } {
  const times: number[] = [];
  // The first is for the compiler.
  for (let round = 0; round <= batches; round++) {
    const begin = now();
    for (let done = 0; done < batch; done++) run(scene);
    if (round > 0) times.push(((now() - begin) / batch) * 1000);
  }
  return summary(times);
}

/** One row for each operation: its name with the figures of all sizes, and the largest held against the smallest. */
export function measureGrowth(sizes: readonly number[] = SIZES): Measurement[] {
  const times = new Map<string, { best: number; median: number }[]>();
  const note = (name: string, time: { best: number; median: number }): void => {
    const list = times.get(name) ?? [];
    list.push(time);
    times.set(name, list);
  };
  for (const size of sizes) {
    const scene = new GrowthScene(size);
    for (const operation of GROWTH_OPERATIONS) note(operation.name, timeOf(scene, operation, BATCHES, BATCH));
    for (const { name, run } of GROWTH_OF_ALL) {
      const begin = now();
      run(scene);
      const time = ((now() - begin) / size) * 1000;
      note(`${name}, each thing`, { best: time, median: time });
    }
  }
  return [...times].map(([name, list]) => ({
    name: `growth: ${name} (${list.map(({ median }) => median.toPrecision(2)).join(', ')})`,
    unit: 'us',
    median: list.at(-1)!.median,
    best: list.at(-1)!.best,
    target: { kind: 'limit', value: list[0]!.median * MOST_GROWTH },
  }));
}
