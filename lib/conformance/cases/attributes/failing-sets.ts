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
    'segments up to the one whose mapping fails have the new record, those behind it the old one; a repetition begins where the failure was',
  )
  .source('spec/02-attributes §4.4 step 6, §4.8 step 3; spec/07-quirks §Q20, §Q25')
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
    // The failing segment has the record now: the second call passes it by, although its page is as it was.
    t.equal(
      t.trySet(memory.range(), { prefetchLocation: 'device', gpuExecutable: true }),
      0,
      'the same SET_ATTR again',
    );
    t.equal(stored(t, memory), changed(SEGMENTS), 'the segments after the second call');
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
