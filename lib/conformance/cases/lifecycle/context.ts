/** Creation, closing and finalisation of a context; when the TLB is flushed; the exit of the process. */
import { CaseGroup } from '../../framework/case.ts';
import { EBADF } from '../../support/errno.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';

export const contextGroup = new CaseGroup(
  'lifecycle,context',
  'Creation, closing and end of an SVM context (spec/06-lifecycle §2, §5, §6, §8, §12)',
);

contextGroup
  .case('close', 'a closed device takes no call, closing twice is not an error, and memory can be used and given back')
  .source('spec/06-lifecycle §6')
  .parameters(parameters().combine('registered', [false, true]))
  .run(async (t, { registered }) => {
    const memory = t.map(pages(4));
    if (registered) t.set(memory, { gpuReadOnly: true });
    t.device.close();
    t.device.close();
    t.ok(t.device.closed, 'the device is closed');
    memory.write(0, new Uint8Array([1]));
    t.equal([...memory.read(0, 1)], [1], 'contents');
    t.equal(t.trySet(memory, { access: 'in-place' }), -EBADF, 'SET');
    await t.throws(() => t.device.getAttributes(memory), 'ERR_SVM_CLOSED', 'GET');
  });
