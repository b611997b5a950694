/** What the DRM core does around the handler. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { ENODEV } from '../../../lib/conformance/support/errno.ts';

export const requestGroup = new CaseGroup(
  'uapi,request',
  'Request number and size of the argument (spec/01-uapi §1, §2, §5)',
);

requestGroup
  .case('unplugged', 'an unplugged device gives ENODEV, whatever is wrong with the call')
  .source('spec/01-uapi §5 step 1; spec/06-lifecycle §2')
  .parameters(parameters().combine('operation', [0, 1, 7]).combine('count', [0, 1]))
  .needs('failure-injection')
  .run((t, { operation, count }) => {
    const memory = t.map(pages(1));
    t.equal(t.trySet(memory.range(), [[3, 5]]), 0, 'SET_ATTR before');
    t.gpu().unplug();
    t.equal(
      t.ioctl({ operation, ...memory.range(), attributes: [[3, 6]], attributeCount: count }).result,
      -ENODEV,
      'result',
    );
  });
