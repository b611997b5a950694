/** Catalogue 07-quirks, section B, first part: attributes and what the GPU sees of them. */
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { EFAULT, EINVAL } from '../../support/errno.ts';
import { GpuFaultError } from '../../../device/index.ts';
import { change } from '../../support/attributes.ts';
import { REGION, region } from '../../support/region.ts';

export const attributeQuirksGroup = new CaseGroup(
  'quirks,attributes',
  'Attributes and the GPU (07-quirks, Q13 to Q23)',
);

const SIZE = pages(REGION);

/** Whether the GPU can do it. */
async function succeeds(action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    if (error instanceof GpuFaultError) return false;
    throw error;
  }
}

attributeQuirksGroup
  .case('q13-write-to-read-only', 'after GPU_RO was set on exactly the region, a GPU that wrote before goes on writing')
  .source('spec/07-quirks §Q13')
  .needs('gpu-work', 'retry-faults')
  .run(async (t) => {
    const memory = region(t);
    t.set(memory.range(), { access: 'allow-migrate' });
    const queue = t.queue();
    await queue.fill(memory.address, 0x2222_2222, SIZE);
    t.equal(memory.read(pages(7), 1)[0], 0x22, 'the first write of the GPU');
    t.set(memory.range(), { gpuReadOnly: true });
    // Where the change takes the pages away, the write is repeated forever.
    if (t.can('changes-invalidate')) t.require('work-after-fault');
    const wrote = await succeeds(() => queue.fill(memory.address, 0x3333_3333, 4096));
    const seen = memory.read(0, 1)[0];
    t.shows('Q13', { quirk: wrote && seen === 0x33, correct: !wrote && seen === 0x22 }, 'the write after GPU_RO');
  });

attributeQuirksGroup
  .case('q14-fault-inaccessible', 'the GPU can read and write memory whose access is INACCESSIBLE')
  .source('spec/07-quirks §Q14')
  .parameters(parameters().combine('write', [false, true]))
  .needs('gpu-work', 'retry-faults')
  .run(async (t, { write }) => {
    const memory = region(t);
    t.set(memory.range(), { access: 'inaccessible' });
    const queue = t.queue();
    let read: number | undefined;
    const done = await succeeds(async () => {
      if (write) await queue.fill(memory.address, 0x4444_4444, 4096);
      else read = (await queue.read(memory.address, 4))[0];
    });
    const seen = write ? memory.read(0, 1)[0] : read;
    t.shows('Q14', { quirk: done && seen === (write ? 0x44 : 0x11), correct: !done }, 'the access');
  });

attributeQuirksGroup
  .case('q18-no-way-back', 'a prefetch location cannot become UNDEFINED again')
  .source('spec/07-quirks §Q18')
  .parameters(parameters().combine('before', ['nothing', 'system', 'gpu']))
  .run((t, { before }) => {
    const memory = t.map(pages(4));
    if (before !== 'nothing') t.set(memory.range(), { prefetchLocation: before === 'gpu' ? 'device' : 'system' });
    const result = t.trySet(memory.range(), { prefetchLocation: 'undefined' });
    t.shows('Q18', { quirk: result === -EINVAL, correct: result === 0 }, 'SET_ATTR of UNDEFINED');
  });

/** An interval, a hole after it, and a page that cannot be collected at this page. */
function twoSegments(t: CaseContext, badPage: number): { result: number; first: number[]; second: number[] } {
  const memory = region(t, 2 * REGION);
  t.set(memory.range(0, SIZE), { gpuExecutable: true });
  memory.protect('-', pages(badPage), pages(1));
  const result = t.trySet(memory.range(), { prefetchLocation: 'device' });
  return {
    result,
    first: t.get(memory.range(0, SIZE), ['prefetchLocation', 'gpuExecutable']),
    second: t.get(memory.range(SIZE), ['prefetchLocation', 'gpuExecutable']),
  };
}

attributeQuirksGroup
  .case('q20-partial-set', 'a SET that fails leaves what it did before and the record at which it failed')
  .source('spec/07-quirks §Q20')
  .parameters(parameters().combine('page', [0, 32, 511, 512, 600, 1023]))
  .run((t, { page }) => {
    const { result, first, second } = twoSegments(t, page);
    t.equal(result, -EFAULT, 'result of SET_ATTR');
    const UNDEFINED = 0xffff_ffff;
    const quirk = first[0] === 1 && second[0] === (page < 512 ? UNDEFINED : 1);
    t.shows(
      'Q20',
      { quirk, correct: first[0] === UNDEFINED && second[0] === UNDEFINED },
      'prefetch locations afterwards',
    );
    t.equal([first[1], second[1]], [1, 0], 'GPU_EXEC of both');
  });

attributeQuirksGroup
  .case('q22-no-validation-to-the-end', 'an interval up to 2^64 is taken although most of it is not mapped')
  .source('spec/07-quirks §Q22')
  .parameters(parameters().combine('attribute', ['access', 'gpuReadOnly', 'preferredLocation'] as const))
  .run((t, { attribute }) => {
    const memory = region(t);
    const range = { address: memory.address, size: 2n ** 64n - memory.address };
    const result = t.trySet(range, [change(attribute)]);
    t.shows('Q22', { quirk: result === 0, correct: result === -EFAULT }, 'SET_ATTR up to 2^64');
  });

attributeQuirksGroup
  .case('q23-get-wrapped', 'a GET that reaches beyond 2^64 answers the defaults, where the SET is refused')
  .source('spec/07-quirks §Q23')
  .parameters(parameters().combine('start', ['last-page', 'memory']))
  .run((t, { start }) => {
    const memory = t.map(pages(4));
    t.set(memory.range(), { access: 'inaccessible', granularity: 4, coherent: false });
    const range =
      start === 'memory'
        ? { address: memory.address, size: 2n ** 64n - 4096n }
        : { address: 2n ** 64n - 4096n, size: 8192 };
    t.equal(t.trySet(range, { access: 'allow-migrate' }), -EINVAL, 'result of SET_ATTR');
    const { result, values } = t.ioctl({
      operation: 1,
      ...range,
      attributes: { access: 7, granularity: 7, coherent: 7 },
    });
    t.shows(
      'Q23',
      { quirk: result === 0 && values.join() === '2,9,1', correct: result === -EINVAL && values.join() === '7,7,7' },
      'GET_ATTR',
    );
  });
