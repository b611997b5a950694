/** Random sequences of SETs against the naive model. */
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { EFAULT } from '../../support/errno.ts';
import { ModelledMemory } from '../../support/attribute-model.ts';
import { ROUNDS, randomSpan, randomSet } from '../../support/random-sets.ts';
import type { AttributePair } from '../../../uapi/call.ts';

export const randomGroup = new CaseGroup(
  'attributes,random',
  'Random sequences against a model of one record for each page (spec/02-attributes §4, §6, §7)',
);

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
    modelled.checkPages('at the end', (page) => !missing.has(page));
  });
