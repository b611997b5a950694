/** What the GPU's work sees: the bytes, through faults and events. No look inside, so these run wherever a queue exists. */
import { CaseGroup } from '../../framework/case.ts';
import type { Mapping } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { CHUNK_2M, MIB, PAGE } from '../../support/units.ts';

export const workGroup = new CaseGroup(
  'faults,work',
  'Work of the GPU on memory that faults in (05-faults; 04-invalidation-and-gc)',
);

function word(bytes: Uint8Array, offset = 0): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset, true);
}

function put(memory: Mapping, offset: number, value: number): void {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  memory.write(offset, bytes);
}

const SIZES = [4, PAGE, 3 * PAGE, 64 << 10, MIB, CHUNK_2M, CHUNK_2M + PAGE] as const;

workGroup
  .case('fill', 'the CPU reads what the GPU fills, and no more is filled')
  .source('spec/05-faults §5.2')
  .parameters(
    parameters()
      .combine('size', SIZES)
      .combine('offset', [0, 4, PAGE - 4, 5 * PAGE]),
  )
  .needs('gpu-work', 'retry-faults')
  .run(async (t, { size, offset }) => {
    const memory = t.map(2 * CHUNK_2M);
    await t.queue().fill(memory.at(offset), 0xabcd_1234, size);
    t.equal(
      [word(memory.read(offset, 4)), word(memory.read(offset + size - 4, 4))],
      [0xabcd_1234, 0xabcd_1234],
      'first and last word',
    );
    t.equal(word(memory.read(offset + size, 4)), 0, 'the word after');
    if (offset > 0) t.equal(word(memory.read(offset - 4, 4)), 0, 'the word before');
  });

workGroup
  .case('read', 'the GPU reads what the CPU wrote, before and after the page is on the GPU')
  .source('spec/05-faults §5.2')
  .parameters(
    parameters()
      .combine('offset', [0, 8, PAGE - 4, CHUNK_2M - 4, CHUNK_2M])
      .combine('registered', [false, true]),
  )
  .needs('gpu-work', 'retry-faults')
  .run(async (t, { offset, registered }) => {
    const memory = t.map(2 * CHUNK_2M);
    if (registered) t.set(memory, { access: 'in-place' });
    const queue = t.queue();
    for (const value of [7, 8]) {
      put(memory, offset, value);
      t.equal(word(await queue.read(memory.at(offset), 4)), value, 'what the GPU reads');
    }
  });

workGroup
  .case('copy', 'a copy reads one place and writes another')
  .source('spec/05-faults §5.2')
  .parameters(
    parameters().combine('size', [PAGE, MIB, CHUNK_2M]).combine('prefetch', ['none', 'source', 'destination']),
  )
  .needs('gpu-work', 'retry-faults')
  .run(async (t, { size, prefetch }) => {
    const [source, destination] = [t.map(CHUNK_2M), t.map(CHUNK_2M)];
    put(source, 0, 1);
    put(source, size - 4, 2);
    if (prefetch !== 'none') t.set(prefetch === 'source' ? source : destination, { prefetchLocation: 'device' });
    await t.queue().copy(destination.address, source.address, size);
    t.equal([word(destination.read(0, 4)), word(destination.read(size - 4, 4))], [1, 2], 'the copy');
  });

workGroup
  .case('discarded', 'after a discard CPU and GPU both see zeros, and each sees what the other writes then')
  .source('spec/04-invalidation-and-gc §3')
  .parameters(parameters().combine('part', ['whole', 'first-page', 'last-page', 'middle']))
  .needs('gpu-work', 'retry-faults')
  .run(async (t, { part }) => {
    const memory = t.map(CHUNK_2M);
    const queue = t.queue();
    await queue.fill(memory.address, 0x1111_1111, CHUNK_2M);
    const [offset, size] = {
      whole: [0, CHUNK_2M],
      'first-page': [0, PAGE],
      'last-page': [CHUNK_2M - PAGE, PAGE],
      middle: [MIB, 4 * PAGE],
    }[part] as [number, number];
    memory.discard(offset, size);
    t.equal(word(await queue.read(memory.at(offset), 4)), 0, 'what the GPU reads');
    t.equal(word(memory.read(offset, 4)), 0, 'what the CPU reads');
    put(memory, offset, 5);
    t.equal(word(await queue.read(memory.at(offset), 4)), 5, 'what the GPU reads of the CPU');
    await queue.fill(memory.at(offset), 6, 4);
    t.equal(word(memory.read(offset, 4)), 6, 'what the CPU reads of the GPU');
    if (part !== 'whole') t.equal(word(memory.read(part === 'first-page' ? PAGE : 0, 4)), 0x1111_1111, 'next to it');
  });

workGroup
  .case('counted', 'the driver is asked to serve a fault where the GPU has nothing mapped')
  .source('spec/05-faults §1')
  .parameters(parameters().combine('write', [false, true]).combine('touch', ['first', 'after-discard']))
  .needs('gpu-work', 'retry-faults', 'fault-counts', 'unmap-events')
  .run(async (t, { write, touch }) => {
    const memory = t.map(CHUNK_2M);
    const queue = t.queue();
    const access = async (): Promise<unknown> =>
      write ? queue.fill(memory.address, 9, 4) : queue.read(memory.address, 4);
    if (touch === 'after-discard') {
      await access();
      memory.discard();
    }
    const before = t.faultCount();
    await access();
    t.ok(t.faultCount() > before, 'the count of the faults has grown');
  });

workGroup
  .case('forbidden', 'an access that the CPU may not make fails, with its address, and changes nothing')
  .source('spec/05-faults §5.1')
  .parameters(
    parameters()
      .combine('protection', ['-', 'r'])
      .combine('write', [false, true])
      .combine('before', ['untouched', 'on-gpu']),
  )
  .needs('gpu-work', 'retry-faults', 'work-after-fault')
  .run(async (t, { protection, write, before }) => {
    const memory = t.map(CHUNK_2M);
    const queue = t.queue();
    put(memory, 16, 77);
    if (before === 'on-gpu') await queue.fill(memory.address, 1, 4);
    memory.protect(protection);
    const access = async (): Promise<number> =>
      write ? (await queue.fill(memory.at(16), 9, 4), 0) : word(await queue.read(memory.at(16), 4));
    if (protection === 'r' && !write) t.equal(await access(), 77, 'what the GPU reads');
    else await t.throws(access, 'ERR_SVM_GPU_FAULT', 'the access');
    memory.protect('rw');
    t.equal(word(memory.read(16, 4)), 77, 'what the CPU reads');
    t.equal(word(await queue.read(memory.at(16), 4)), 77, 'what the GPU reads when it may');
  });

workGroup
  .case('unmapped', 'an access to memory that was unmapped fails; the memory next to it works on')
  .source('spec/05-faults §7; spec/04-invalidation-and-gc §3')
  .parameters(parameters().combine('offset', [0, MIB]).combine('write', [false, true]))
  .needs('gpu-work', 'retry-faults', 'work-after-fault')
  .run(async (t, { offset, write }) => {
    const memory = t.map(2 * CHUNK_2M);
    const queue = t.queue();
    await queue.fill(memory.address, 3, 2 * CHUNK_2M);
    memory.unmap(offset, MIB);
    const access = async (): Promise<void> =>
      void (write ? await queue.fill(memory.at(offset), 9, 4) : await queue.read(memory.at(offset), 4));
    await t.throws(access, 'ERR_SVM_GPU_FAULT', 'the access');
    await queue.fill(memory.at(CHUNK_2M), 4, PAGE);
    t.equal(word(memory.read(CHUNK_2M, 4)), 4, 'what the CPU reads after it');
  });

workGroup
  .case('read-only', 'GPU_RO memory is read and not written')
  .source('spec/05-faults §5.2; quirk Q56')
  .parameters(parameters().combine('first', ['read', 'write']))
  .needs('gpu-work', 'retry-faults', 'work-after-fault')
  .run(async (t, { first }) => {
    const memory = t.map(CHUNK_2M);
    put(memory, 0, 21);
    t.set(memory, { gpuReadOnly: true });
    const queue = t.queue();
    if (first === 'read') t.equal(word(await queue.read(memory.address, 4)), 21, 'what the GPU reads');
    await t.throws(() => queue.fill(memory.address, 9, 4), 'ERR_SVM_GPU_FAULT', 'the write');
    t.equal(word(memory.read(0, 4)), 21, 'what the CPU reads');
    t.equal(word(await queue.read(memory.address, 4)), 21, 'what the GPU reads in the end');
  });

workGroup
  .case('order', 'work of one queue runs in order, failed work does not stop what comes after')
  .source('spec/05-faults §1')
  .needs('gpu-work', 'retry-faults', 'work-after-fault')
  .run(async (t) => {
    const memory = t.map(CHUNK_2M);
    const gone = t.hole(CHUNK_2M);
    const queue = t.queue();
    const work = [
      queue.fill(memory.address, 1, 8),
      queue.fill(gone.address, 2, 8),
      queue.copy(memory.at(8), memory.address, 4),
      queue.fill(memory.address, 3, 4),
    ];
    const outcomes = await Promise.allSettled(work);
    await queue.idle();
    t.equal(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
      'outcomes',
    );
    t.equal(
      [0, 4, 8].map((offset) => word(memory.read(offset, 4))),
      [3, 1, 1],
      'contents',
    );
  });

workGroup
  .case('two-gpus', "two GPUs and the CPU see each other's writes")
  .source('05-faults; spec/01-uapi §0')
  .parameters(parameters().combine('prefetch', [false, true]))
  .needs('gpu-work', 'retry-faults', 'two-gpus')
  .run(async (t, { prefetch }) => {
    t.setup({ gpus: 2 });
    const memory = t.map(CHUNK_2M);
    if (prefetch) for (const device of t.devices) t.set(memory, { prefetchLocation: 'device' }, device);
    const queues = t.devices.map((device) => t.queue(device));
    await queues[0]!.fill(memory.address, 5, PAGE);
    t.equal(word(await queues[1]!.read(memory.address, 4)), 5, 'what the second GPU reads');
    await queues[1]!.fill(memory.address, 6, 4);
    t.equal(
      [word(memory.read(0, 4)), word(await queues[0]!.read(memory.address, 4))],
      [6, 6],
      'what CPU and first GPU read',
    );
    memory.discard();
    t.equal(
      [word(await queues[0]!.read(memory.address, 4)), word(await queues[1]!.read(memory.address, 4))],
      [0, 0],
      'what both read after a discard',
    );
  });
