/** Answers that no serial order gives, in words. */
import { threadName } from './program.ts';
import type { ExploreProgram } from './program.ts';

type Answers = readonly (readonly string[])[];

/** Which operations answer otherwise than in the serial order that comes nearest. */
export function nearest(
  { threads }: ExploreProgram,
  answers: Answers,
  serial: readonly Answers[],
): { readonly names: string; readonly text: string } {
  let best: { readonly place: string; readonly name: string; readonly text: string }[] | undefined;
  for (const other of serial) {
    const differing = threads.flatMap((thread, index) =>
      thread.flatMap(({ operation: { name } }, at) => {
        const [seen, expected] = [answers[index]![at], other[index]![at]];
        if (seen === expected) return [];
        const place = `${threadName(index)}${at + 1}`;
        return [{ place, name, text: `${name} of thread ${threadName(index)} answers ${seen}, not ${expected}` }];
      }),
    );
    if (best === undefined || differing.length < best.length) best = differing;
  }
  return {
    names: (best ?? []).map(({ place, name }) => `${name}@${place}`).join(),
    text: (best ?? []).map(({ text }) => text).join('; '),
  };
}
