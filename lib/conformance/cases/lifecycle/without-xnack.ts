/** GPUs without retry faults: what is not mapped beforehand cannot be reached. */
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { EFAULT, EPERM } from '../../support/errno.ts';
import { gpuLoad, gpuStore, load, store } from '../../support/memory.ts';
import { CHUNK_2M } from '../../support/units.ts';

export const withoutXnackGroup = new CaseGroup(
  'lifecycle,without-xnack',
  'SVM on a GPU without retry faults (spec/xnack-off)',
);

const GIVEN = ['in-place', 'allow-migrate'] as const;

withoutXnackGroup
  .case('given', 'a SET with access maps at once: the GPU reads and writes without a fault')
  .source('spec/xnack-off §2')
  .parameters(parameters().combine('access', GIVEN).combine('count', [1, 16, 512, 700]))
  .needs('xnack-off', 'gpu-work')
  .run(async (t, { access, count }) => {
    const memory = t.map(pages(count));
    store(memory, 0, 0x11);
    t.set(memory.range(), { access });
    t.equal(await gpuLoad(t, memory.address), 0x11, 'what the GPU reads');
    await gpuStore(t, memory.at(pages(count) - 4), 0x22);
    t.equal(load(memory, pages(count) - 4), 0x22, 'what the CPU reads');
  });

withoutXnackGroup
  .case('not-given', 'memory without access is out of reach of the GPU')
  .source('spec/xnack-off §7, §9')
  .parameters(parameters().combine('memory', ['untouched', 'written', 'other-attribute', 'inaccessible', 'next-page']))
  .needs('xnack-off', 'gpu-work')
  .run(async (t, { memory: kind }) => {
    const memory = t.map(CHUNK_2M);
    if (kind !== 'untouched') store(memory, 0, 5);
    if (kind === 'other-attribute') t.set(memory.range(), { gpuExecutable: true });
    if (kind === 'inaccessible') t.set(memory.range(), { access: 'inaccessible' });
    if (kind === 'next-page') t.set(memory.range(pages(1)), { access: 'in-place' });
    await t.throws(() => gpuLoad(t, memory.address), 'ERR_SVM_GPU_FAULT', 'the GPU read');
    if (t.can('work-after-fault'))
      await t.throws(() => gpuStore(t, memory.address, 6), 'ERR_SVM_GPU_FAULT', 'the GPU write');
    t.equal(load(memory, 0), kind === 'untouched' ? 0 : 5, 'what the CPU reads');
  });

withoutXnackGroup
  .case('prefetch', 'a prefetch maps whatever the access is')
  .source('spec/xnack-off §2')
  .parameters(parameters().combine('access', ['unset', 'inaccessible', ...GIVEN] as const))
  .needs('xnack-off', 'gpu-work')
  .run(async (t, { access }) => {
    const memory = t.map(CHUNK_2M);
    store(memory, 0, 9);
    if (access !== 'unset') t.set(memory.range(), { access });
    t.set(memory.range(), { prefetchLocation: 'device' });
    t.equal(await gpuLoad(t, memory.address), 9, 'what the GPU reads');
  });

withoutXnackGroup
  .case('access-lost', 'losing access unmaps nothing; the next change of the memory does')
  .source('spec/xnack-off §2, §4')
  .parameters(parameters().combine('by', ['set', 'reset']))
  .needs('xnack-off', 'gpu-work', 'reset')
  .run(async (t, { by }) => {
    const memory = t.map(CHUNK_2M);
    store(memory, 0, 4);
    t.set(memory.range(), { access: 'allow-migrate' });
    if (by === 'set') t.set(memory.range(), { access: 'inaccessible' });
    else t.device.resetAttributes(memory.range());
    t.equal(await gpuLoad(t, memory.address), 4, 'what the GPU reads');
  });

withoutXnackGroup
  .case('new-pages', 'the GPU follows the process to new pages: queues stop, and go on when these are mapped')
  .source('spec/xnack-off §3, §4')
  .parameters(parameters().combine('part', ['all', 'page']).combine('rounds', [1, 5]))
  .needs('xnack-off', 'gpu-work')
  .run(async (t, { part, rounds }) => {
    const memory = t.map(CHUNK_2M);
    t.set(memory.range(), { access: 'allow-migrate' });
    for (let round = 1; round <= rounds; round++) {
      await gpuStore(t, memory.address, round);
      await gpuStore(t, memory.at(CHUNK_2M - 4), round);
      t.equal(load(memory, 0), round, 'what the CPU reads');
      memory.discard(0, part === 'all' ? CHUNK_2M : pages(1));
      t.equal(await gpuLoad(t, memory.address), 0, 'what the GPU reads of the new page');
      t.equal(await gpuLoad(t, memory.at(CHUNK_2M - 4)), part === 'all' ? 0 : round, 'what the GPU reads at the end');
    }
  });

withoutXnackGroup
  .case('partial-unmap', 'a munmap of a part takes that part from the GPU, and keeps the rest mapped')
  .source('spec/xnack-off §3, §5')
  .parameters(
    parameters()
      .combine('first', [0, 256, 511])
      .combine('count', [1, 256])
      .where((p) => p.first + p.count <= 512),
  )
  .needs('xnack-off', 'gpu-work')
  .run(async (t, { first, count }) => {
    const memory = t.map(CHUNK_2M);
    memory.write(0, new Uint8Array(CHUNK_2M).fill(1));
    t.set(memory.range(), { access: 'allow-migrate' });
    memory.unmap(pages(first), pages(count));
    const isGone = (page: number): boolean => page >= first && page < first + count;
    const looked = [0, 255, 256, 511];
    for (const page of looked.filter((each) => !isGone(each)))
      t.equal(await gpuLoad(t, memory.at(pages(page))), 0x0101_0101, `what the GPU reads of page ${page}`);
    const gone = looked.filter(isGone);
    // A queue of hardware ends with the first of them.
    for (const page of t.can('work-after-fault') ? gone : gone.slice(0, 1))
      await t.throws(() => gpuLoad(t, memory.at(pages(page))), 'ERR_SVM_GPU_FAULT', `the GPU read of page ${page}`);
  });

withoutXnackGroup
  .case('errors', 'a SET that cannot map says so, and keeps what it stored')
  .source('spec/xnack-off §2')
  .parameters(parameters().combine('page', [0, 300, 511]))
  .needs('xnack-off')
  .run((t, { page }) => {
    const memory = t.map(CHUNK_2M);
    memory.write(0, new Uint8Array(CHUNK_2M).fill(1));
    memory.protect('-', pages(page), pages(1));
    const result = t.trySet(memory.range(), { access: 'allow-migrate' });
    t.ok(result === -EFAULT || result === -EPERM, `the SET fails for the page that the CPU may not touch: ${result}`);
    t.has(memory.range(), { access: 'allow-migrate' }, 'access afterwards');
    memory.protect('rw', pages(page), pages(1));
    // The same values again: without a change a SET sees to it that all is mapped.
    t.equal(t.trySet(memory.range(), { access: 'allow-migrate' }), 0, 'the same SET once the page can be touched');
  });

withoutXnackGroup
  .case('repeated', 'a SET of the same values maps what has no mapping yet')
  .source('spec/xnack-off §2, §9')
  .needs('xnack-off', 'gpu-work')
  .run(async (t) => {
    const memory = t.map(CHUNK_2M);
    store(memory, 0, 3);
    t.set(memory.range(), { access: 'in-place' });
    t.set(memory.range(), { access: 'in-place' });
    t.equal(await gpuLoad(t, memory.address), 3, 'what the GPU reads');
  });

withoutXnackGroup
  .case('read-only-memory', 'memory that the CPU may not write is mapped for reading')
  .source('spec/xnack-off §2; spec/revisions §4, V7 item 1')
  .parameters(parameters().combine('access', GIVEN))
  .needs('xnack-off', 'gpu-work')
  .run(async (t, { access }) => {
    const memory = t.map(CHUNK_2M);
    store(memory, 0, 8);
    memory.protect('r');
    t.set(memory.range(), { access });
    t.equal(await gpuLoad(t, memory.address), 8, 'what the GPU reads');
    await t.throws(() => gpuStore(t, memory.address, 1), 'ERR_SVM_GPU_FAULT', 'the GPU write');
    t.equal(load(memory, 0), 8, 'what the CPU reads');
  });

withoutXnackGroup
  .case('granularity-alone', 'a SET that changes only the granularity maps nothing')
  .source('spec/xnack-off §2')
  .needs('xnack-off', 'gpu-work')
  .run(async (t) => {
    const memory = t.map(CHUNK_2M);
    store(memory, 0, 8);
    t.set(memory.range(), { granularity: 4 });
    await t.throws(() => gpuLoad(t, memory.address), 'ERR_SVM_GPU_FAULT', 'the GPU read');
    t.has(memory.range(), { granularity: 4, access: 'inaccessible' }, 'the attributes');
  });
