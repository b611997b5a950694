/** What is left of a SET that fails on its way. */
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { EFAULT } from '../../support/errno.ts';
import { SEGMENTS, LENGTH, segments, part, stored, changed } from '../../support/attribute-layout.ts';

export const failingSetsGroup = new CaseGroup(
  'attributes,failing-sets',
  'Partial effects of a SET that fails (spec/02-attributes §4.4, §4.8; spec/07-quirks §Q20)',
);

failingSetsGroup
  .case(
    'prefetch',
    'segments up to the one whose mapping fails have the new record, those after it the old one; a repetition passes it by (V4) or fails there again',
  )
  .source('spec/02-attributes §4.4 step 6, §4.8 step 3; spec/07-quirks §Q20, §Q25; spec/revisions §3, §4')
  .parameters(
    parameters().combine('failing', [0, 1, 2, 3, 4]).combine('page', [0, 3]).combine('beginWith', ['interval', 'hole']),
  )
  .run((t, { failing, page, beginWith }) => {
    const memory = segments(t, beginWith);
    memory.protect('-', pages(failing * LENGTH + page), pages(1));
    t.equal(
      t.trySet(memory.range(), { prefetchLocation: 'device', gpuExecutable: true }),
      -EFAULT,
      'result of SET_ATTR',
    );
    t.equal(stored(t, memory), changed(failing + 1), 'prefetch location and GPU_EXEC of the segments');
    // The failing segment has the record now. V4 passes it by, although its page is as it was: nothing changes there.
    // Later a device location prefetches whether it changes or not.
    const passedBy = { result: 0, changed: SEGMENTS };
    const met = { result: -EFAULT, changed: failing + 1 };
    const again = t.perRevision({ v4: passedBy, v7: met, 'v7-xnack-off': met, v8: met });
    t.equal(
      t.trySet(memory.range(), { prefetchLocation: 'device', gpuExecutable: true }),
      again.result,
      'the same SET_ATTR again',
    );
    t.equal(stored(t, memory), changed(again.changed), 'the segments after the second call');
  });

failingSetsGroup
  .case('granularity-kept', 'the attributes that the call does not name stay as they are in every segment')
  .source('spec/02-attributes §4.4')
  .parameters(parameters().combine('failing', [0, 2, 4]))
  .run((t, { failing }) => {
    const memory = segments(t, 'interval');
    memory.protect('-', pages(failing * LENGTH), pages(1));
    t.equal(t.trySet(memory.range(), { prefetchLocation: 'device' }), -EFAULT, 'result of SET_ATTR');
    t.equal(
      Array.from({ length: SEGMENTS }, (_, segment) => t.get(part(memory, segment), ['granularity'])[0]),
      [20, 9, 22, 9, 24],
      'granularity of the segments',
    );
  });
