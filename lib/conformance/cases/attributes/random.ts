/** Random sequences of SETs against the naive model. */
import { CaseGroup } from '../../framework/case.ts';
import type { AttributePair, CaseContext } from '../../framework/context.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { EFAULT, EINVAL } from '../../support/errno.ts';
import { ModelledMemory } from './model.ts';
import type { Span } from './model.ts';
import { isAccepted } from '../../support/attributes.ts';

export const randomGroup = new CaseGroup(
  'attributes,random',
  'Random sequences against a model of one record for each page (spec/02-attributes §4, §6, §7)',
);

const VALUES = [0, 0, 1, 1, 2, 3, 5, 9, 12, 63, 64, 0xffff_fffe, 0xffff_ffff] as const;
const ROUNDS = Array.from({ length: 20 }, (_, round) => round);

function randomSpan(t: CaseContext, size: number): Span {
  const first = t.random.below(size);
  // Short ones are more likely: they make more intervals.
  const longest = t.random.below(3) === 0 ? size - first : Math.min(size - first, 6);
  return { first, count: 1 + t.random.below(longest) };
}

/** One to four records; without `gpu` none that would map anything. */
function randomRecords(t: CaseContext, gpu: boolean): AttributePair[] {
  return Array.from({ length: 1 + t.random.below(4) }, (): AttributePair => {
    const type = t.random.below(12);
    if (type === 1 && !gpu) return [type, 0];
    if (type >= 4) return [type, t.random.below(16) === 0 ? 2 : type === 11 ? 0 : t.random.below(2)];
    return [type, t.random.pick(VALUES)];
  });
}

/** A random SET; its answer must be that of the tables. */
function randomSet(t: CaseContext, modelled: ModelledMemory, gpu: boolean): void {
  const span = randomSpan(t, modelled.model.size);
  const records = randomRecords(t, gpu);
  if (records.every(isAccepted)) modelled.set(span, records);
  else t.equal(t.trySet(modelled.range(span), records), -EINVAL, 'result of an illegal SET_ATTR');
}

randomGroup
  .case('get', 'after any sequence of SETs each page has the attributes of the model, and each span their aggregate')
  .source('spec/02-attributes §4, §7')
  .parameters(parameters().combine('size', [6, 24, 64]).combine('round', ROUNDS))
  .run((t, { size }) => {
    const modelled = new ModelledMemory(t, size);
    for (let step = 0; step < 30; step++) {
      randomSet(t, modelled, false);
      modelled.checkSpan(randomSpan(t, size), `after step ${step}`);
    }
    modelled.checkPages('at the end');
  });

randomGroup
  .case('intervals', 'after every step the attribute intervals are those of the model')
  .source('spec/02-attributes §3, §4')
  .parameters(parameters().combine('size', [6, 24, 64]).combine('round', ROUNDS))
  .needs('introspection')
  .run((t, { size }) => {
    const modelled = new ModelledMemory(t, size);
    for (let step = 0; step < 30; step++) {
      randomSet(t, modelled, false);
      modelled.checkIntervals(`after step ${step}`);
    }
    modelled.checkPages('at the end');
  });

randomGroup
  .case(
    'prefetch',
    'GPU prefetch locations change nothing about the attributes, and whatever is mapped conforms to what was prefetched',
  )
  .source('spec/02-attributes §4.8, §5.2')
  .parameters(parameters().combine('size', [12, 40]).combine('round', ROUNDS.slice(0, 12)))
  .needs('introspection')
  .run((t, { size }) => {
    const modelled = new ModelledMemory(t, size);
    // Pages of their own: those that are collected for reading first can stay shared ones (Q48).
    modelled.memory.write(0, new Uint8Array(pages(size)).fill(1));
    for (let step = 0; step < 20; step++) {
      randomSet(t, modelled, true);
      modelled.checkIntervals(`after step ${step}`);
    }
    modelled.checkPages('at the end');
    const everything = { first: 0, count: size };
    modelled.set(everything, [
      [1, 3],
      [8, 1],
    ]);
    modelled.set(everything, [
      [8, 0],
      [9, 1],
    ]);
    t.equal(
      t.ptes(modelled.range(everything)),
      `rwx*${size}`,
      'PTEs after changes of the whole with a GPU prefetch location',
    );
  });

randomGroup
  .case('holes-in-memory', 'a SET over a hole of the memory is refused as a whole, any other is taken')
  .source('spec/02-attributes §4.2')
  .parameters(parameters().combine('round', ROUNDS))
  .run((t) => {
    const size = 32;
    const modelled = new ModelledMemory(t, size);
    const missing = new Set<number>();
    for (let step = 0; step < 40; step++) {
      const span = randomSpan(t, size);
      if (step % 8 === 3) {
        const page = t.random.below(size);
        modelled.memory.unmap(pages(page), pages(1));
        missing.add(page);
      }
      const records: AttributePair[] = [
        [3, step],
        [9, step % 2],
      ];
      const whole = Array.from({ length: span.count }, (_, index) => span.first + index).every(
        (page) => !missing.has(page),
      );
      if (whole) modelled.set(span, records);
      else t.equal(t.trySet(modelled.range(span), records), -EFAULT, 'result of a SET_ATTR over a hole');
    }
    modelled.checkPages('at the end');
  });

randomGroup
  .case('collected', 'what the collector clears is exactly what was unmapped, with any intervals around it')
  .source('spec/02-attributes §6; spec/04-invalidation-and-gc §6')
  .parameters(parameters().combine('size', [16, 48]).combine('round', ROUNDS))
  .needs('introspection', 'deferred-work', 'address-choice')
  .run((t, { size }) => {
    const modelled = new ModelledMemory(t, size);
    for (let round = 0; round < 4; round++) {
      for (let step = 0; step < 6; step++) randomSet(t, modelled, false);
      // Every page gets a GPU range, so that the unmapping of any of them comes to the collector.
      modelled.set({ first: 0, count: size }, [[1, 10 + round]]);
      const span = randomSpan(t, size);
      modelled.memory.unmap(pages(span.first), pages(span.count));
      t.equal(t.collect(), 1, 'collectors that ran');
      modelled.model.clear(span);
      modelled.checkIntervals(`after the unmapping of ${span.count} pages from ${span.first}`);
      t.map(pages(span.count), { address: modelled.memory.at(pages(span.first)) });
    }
    modelled.checkPages('at the end');
  });
