/** IGT section `fault`: one command in the middle has a bad address. */
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { gpuFault } from '../../support/gpu-fault.ts';
import { allocate, gpuLoad, gpuStore, load, MEMORY, memoryNeeds, store } from '../../support/memory.ts';
import { BAD_NAMES, badNeeds, badAddress } from '../../support/bad-addresses.ts';
import { CHUNK_2M } from '../../support/units.ts';

export const invalidAddressGroup = new CaseGroup(
  'igt,invalid-address',
  'One bad address among good ones (xe_exec_system_allocator -fault, xe_exec_fault_mode invalid-va)',
);

invalidAddressGroup
  .case('in-the-middle', 'the command with the bad address fails, those before and after it do their work')
  .source('IGT xe_exec_system_allocator -fault; spec/05-faults §7')
  .parameters(parameters().combine('bad', BAD_NAMES).combine('write', [false, true]).combine('memory', MEMORY))
  .needs('gpu-work', 'retry-faults', 'work-after-fault')
  .needsAt(({ bad, memory }) => [...badNeeds(bad), ...memoryNeeds(memory)])
  .run(async (t, { bad, write, memory }) => {
    const buffer = allocate(t, memory, CHUNK_2M);
    await gpuStore(t, buffer.at(pages(511)), 5);
    const address = await badAddress(t, bad, buffer);
    const queue = t.queue();
    const ends: Promise<unknown>[] = [];
    for (let index = 0; index < 8; index++) {
      // All are queued before the first one has ended.
      if (index === 4) ends.push(write ? queue.fill(address, 1, 4) : queue.read(address, 4));
      else ends.push(queue.fill(buffer.at(pages(index)), 0x70 + index, 4));
    }
    const settled = await Promise.allSettled(ends);
    t.equal(
      settled.map(({ status }) => status).join(' '),
      [0, 1, 2, 3, 4, 5, 6, 7].map((index) => (index === 4 ? 'rejected' : 'fulfilled')).join(' '),
      'ends of the commands',
    );
    const error = await t.throws(() => ends[4], 'ERR_SVM_GPU_FAULT', 'the command with the bad address');
    t.equal('address' in error ? error.address : undefined, address, 'address in the error');
    for (const index of [0, 1, 2, 3, 5, 6, 7])
      t.equal(load(buffer, pages(index)), 0x70 + index, `word of command ${index}`);
    t.equal(await gpuLoad(t, buffer.at(pages(511))), 5, 'word of before');
  });

invalidAddressGroup
  .case('read-only', 'writes to memory that is read-only fail, reads of it go on')
  .source('spec/05-faults §5.2')
  .parameters(parameters().combine('memory', MEMORY).combine('attribute', [false, true]))
  .needs('gpu-work', 'retry-faults')
  // A write to memory that is read-only for the GPU is repeated forever, not refused.
  .needsAt(({ memory, attribute }) => [...memoryNeeds(memory), attribute ? 'work-after-fault' : 'gpu-fault'])
  .run(async (t, { memory, attribute }) => {
    const good = allocate(t, memory, CHUNK_2M);
    const other = allocate(t, memory, CHUNK_2M);
    store(other, 0, 6);
    // Read-only for everybody, or for the GPU.
    if (attribute) t.set(other, { gpuReadOnly: true });
    else other.protect('r');
    // Where the first refused write ends the work it comes last.
    const count = t.can('work-after-fault') ? 6 : 2;
    for (let index = 0; index < count; index++) {
      await gpuStore(t, good.at(pages(index)), index);
      t.equal(await gpuLoad(t, other.address), 6, `what the GPU reads after command ${index}`);
      if (index % 2 === 1) t.equal(await gpuFault(t, other.address, 7), 'refused', `write of command ${index}`);
    }
    for (let index = 0; index < count; index++) t.equal(load(good, pages(index)), index, `word of command ${index}`);
    t.equal(load(other, 0), 6, 'word of the read-only memory');
  });

invalidAddressGroup
  .case('across-the-end', 'a command that reaches beyond the end of its memory fails at the first byte after it')
  .source('IGT xe_exec_system_allocator -fault')
  .parameters(
    parameters().combine('memory', MEMORY).combine('size', [1, 15, 16, 17, 511, 512]).combine('write', [false, true]),
  )
  .needs('gpu-work', 'retry-faults', 'work-after-fault')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size, write }) => {
    const mapping = allocate(t, memory, pages(size));
    const queue = t.queue();
    const end = mapping.at(pages(size));
    const error = await t.throws(
      () => (write ? queue.fill(end - 64n, 1, 128) : queue.read(end - 64n, 128)),
      'ERR_SVM_GPU_FAULT',
      'command across the end',
    );
    t.equal('address' in error ? error.address : undefined, end, 'address in the error');
    await queue.fill(end - 64n, 0x1234_5678, 64);
    t.equal(load(mapping, pages(size) - 4), 0x1234_5678, 'last word of the memory after a command that ends there');
  });
