/** What becomes of attributes whose memory goes, and of mappings whose attributes change. */
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { change, otherOf, defaultOf, QUIET } from '../../support/attributes.ts';
import {
  expectFaults,
  expectSomeFaults,
  faultCount,
  gpuLoad,
  gpuStore,
  waitForCollector,
} from '../../support/memory.ts';

export const survivalGroup = new CaseGroup(
  'attributes,survival',
  'What a munmap does to attributes, and a change of attributes to mappings (spec/revisions §4)',
);

survivalGroup
  .case(
    'next-mapping',
    'memory that is mapped where other memory was inherits its attributes: where the GPU had not used that (V4), or always',
  )
  .source('spec/revisions §3; §4, V5 item 1')
  .parameters(
    parameters()
      .combine('attribute', QUIET)
      .combine('used', [false, true])
      .combine('part', ['all', 'half'])
      .combine('wait', ['before', 'after']),
  )
  .needs('address-choice')
  .needsAt(({ used, wait }) => [
    ...(used ? (['gpu-work', 'retry-faults'] as const) : []),
    ...(used && wait === 'after' ? (['unmap-events'] as const) : []),
  ])
  .run(async (t, { attribute, used, part, wait }) => {
    const memory = t.map(pages(512));
    t.set(memory.range(), [change(attribute)]);
    if (used) await gpuLoad(t, memory.address);
    const gone = part === 'all' ? memory.range() : memory.range(pages(256));
    memory.unmap(part === 'all' ? 0 : pages(256));
    if (wait === 'before') waitForCollector(t, gone);
    const later = t.map(gone.size, { address: gone.address });
    if (wait === 'after') waitForCollector(t, gone);
    const kept = { [attribute]: otherOf(attribute) };
    const erased = { [attribute]: defaultOf(t, attribute) };
    const expected = t.perRevision({ v4: used ? erased : kept, v7: kept, 'v7-xnack-off': kept, v8: kept });
    t.has(later.range(), expected, 'the attributes of the new memory');
    if (part === 'half') t.has(memory.range(0, pages(256)), kept, 'the attributes of the memory that stayed');
  });

survivalGroup
  .case(
    'change-of-what-is-mapped',
    'a change of what the GPU has mapped lets old PTEs live (V4), or makes the GPU fault again',
  )
  .source('spec/revisions §4, V5 item 6; spec/07-quirks §Q13')
  .parameters(parameters().combine('attribute', QUIET).combine('part', ['all', 'page']))
  .needs('gpu-work', 'retry-faults')
  .run(async (t, { attribute, part }) => {
    const memory = t.map(pages(512));
    await gpuStore(t, memory.address, 5);
    const before = faultCount(t);
    // A part of what is mapped takes all of it from the GPU in either revision.
    t.set(part === 'all' ? memory.range() : memory.range(pages(300), pages(1)), [change(attribute)]);
    t.equal(await gpuLoad(t, memory.address), 5, 'what the GPU reads');
    // The granularity is in no PTE.
    const quiet = attribute === 'granularity' && t.can('changes-invalidate');
    if (quiet || (part === 'all' && !t.can('changes-invalidate'))) expectFaults(t, before, 0);
    else expectSomeFaults(t, before);
  });
