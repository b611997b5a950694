/** Random sequences of SETs against the naive model. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { ModelledMemory } from '../../../lib/conformance/support/attribute-model.ts';
import { ROUNDS, randomSpan, randomSet } from '../../../lib/conformance/support/random-sets.ts';

export const randomGroup = new CaseGroup(
  'attributes,random',
  'Random sequences against a model of one record for each page (spec/02-attributes §4, §6, §7)',
);

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
    modelled.set(everything, { prefetchLocation: 3, gpuReadOnly: true });
    modelled.set(everything, { gpuReadOnly: false, gpuExecutable: true });
    t.equal(
      t.ptes(modelled.range(everything)),
      `rwx*${size}`,
      'PTEs after changes of the whole with a GPU prefetch location',
    );
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
      modelled.set({ first: 0, count: size }, { prefetchLocation: 10 + round });
      const span = randomSpan(t, size);
      modelled.memory.unmap(pages(span.first), pages(span.count));
      t.equal(t.collect(), 1, 'collectors that ran');
      modelled.collected(span);
      modelled.checkIntervals(`after the unmapping of ${span.count} pages from ${span.first}`);
      t.map(pages(span.count), { address: modelled.memory.at(pages(span.first)) });
    }
    modelled.checkPages('at the end');
  });
