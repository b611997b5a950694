/** IGT section `fault`: one command in the middle has a bad address. */
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import { EINVAL, EIO, EOPNOTSUPP, EPERM } from '../../support/errno.ts';
import type { Feature } from '../../framework/feature.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { SvmAttributeType as T } from '../../../uapi/constants.ts';
import { allocate, gpuLoad, gpuStore, LARGE, load, MEMORY, memoryNeeds, store } from '../../support/memory.ts';

export const invalidAddressGroup = new CaseGroup(
  'igt,invalid-address',
  'One bad address among good ones (xe_exec_system_allocator -fault, xe_exec_fault_mode invalid-va)',
);

/** Bad addresses, and what the handler answers to a fault there: 0 is "try again", for ever. */
const BAD = {
  zero: 0,
  unmapped: 0,
  'unmapped-after-use': 0,
  'hole-in-buffer': 0,
  'no-access': -EPERM,
  'behind-the-last': -EINVAL,
  io: -EOPNOTSUPP,
  pfnmap: -EOPNOTSUPP,
  mixedmap: -EOPNOTSUPP,
} as const;
type Bad = keyof typeof BAD;
const BAD_NAMES = Object.keys(BAD) as Bad[];
const SPECIAL: readonly Bad[] = ['io', 'pfnmap', 'mixedmap'];

function badNeeds(bad: Bad): readonly Feature[] {
  if (bad === 'behind-the-last') return ['address-choice'];
  return SPECIAL.includes(bad) ? ['special-mapping'] : [];
}

/** An address of that kind; `buffer` is memory of 2 MiB that the GPU uses. */
async function badAddress(
  t: CaseContext,
  bad: Bad,
  buffer: { at(offset: number): bigint; unmap(offset: number, length: number): void },
): Promise<bigint> {
  switch (bad) {
    case 'zero':
      return 0n;
    case 'unmapped':
      return t.hole(LARGE).address;
    case 'unmapped-after-use': {
      const gone = t.map(LARGE);
      await gpuStore(t, gone.address, 1);
      gone.unmap();
      return gone.address;
    }
    case 'hole-in-buffer':
      buffer.unmap(pages(100), pages(1));
      return buffer.at(pages(100));
    case 'no-access':
      return t.map(LARGE, { protection: '-' }).address;
    case 'behind-the-last':
      // Memory of the process behind what a GPU of 48 bits mirrors; exactly at its end it would be let through (Q59).
      return t.map(LARGE, { address: (1n << 48n) + BigInt(LARGE) }).address;
    case 'io':
    case 'pfnmap':
    case 'mixedmap':
      return t.map(LARGE, { kind: bad }).address;
  }
}

invalidAddressGroup
  .case('in-the-middle', 'the command with the bad address fails, those before and behind it do their work')
  .source('IGT xe_exec_system_allocator -fault; spec/05-faults §7')
  .parameters(parameters().combine('bad', BAD_NAMES).combine('write', [false, true]).combine('memory', MEMORY))
  .needs('gpu-work')
  .needsAt(({ bad, memory }) => [...badNeeds(bad), ...memoryNeeds(memory)])
  .run(async (t, { bad, write, memory }) => {
    const buffer = allocate(t, memory, LARGE);
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
  .case('answer', 'the handler answers each kind of bad address in its own way, every time, and maps nothing there')
  .source('spec/05-faults §4, §5.2, §7')
  .parameters(parameters().combine('bad', BAD_NAMES).combine('write', [false, true]))
  .needs('gpu-work', 'gpu-fault', 'virtual-clock', 'introspection')
  .needsAt(({ bad }) => badNeeds(bad))
  .run(async (t, { bad, write }) => {
    const buffer = t.map(LARGE);
    await gpuStore(t, buffer.address, 9);
    const address = await badAddress(t, bad, buffer);
    for (let round = 0; round < 3; round++) {
      t.equal(t.fault(address, { write }), BAD[bad], `answer in round ${round}`);
      t.advance();
    }
    t.equal(t.ptes({ address: address & ~4095n, size: 4096 }), '-*1', 'PTE');
    t.equal([await gpuLoad(t, buffer.address), load(buffer, 0)], [9, 9], 'words of the good memory');
  });

invalidAddressGroup
  .case(
    'registered',
    'a fault in memory of a kind that can not be shared is killed also where attributes are left from before',
  )
  .source('spec/05-faults §5.2; spec/07-quirks §Q53')
  .parameters(parameters().combine('kind', ['io', 'pfnmap', 'mixedmap']).combine('write', [false, true]))
  .needs('gpu-fault', 'special-mapping', 'address-choice')
  .run((t, { kind, write }) => {
    const before = t.map(LARGE);
    t.set(before, [[T.access, 2]]);
    before.unmap();
    t.map(LARGE, { kind, address: before.address });
    const result = t.fault(before.address, { write });
    if (kind === 'mixedmap') t.shows('Q53', { quirk: result === 0, correct: result === -EOPNOTSUPP }, 'answer');
    else t.shows('Q53', { quirk: result === -EIO, correct: result === -EOPNOTSUPP }, 'answer');
  });

invalidAddressGroup
  .case('becomes-good', 'an address that was bad works as soon as there is memory that permits the access')
  .source('IGT xe_exec_fault_mode invalid-va; xe_prefetch_fault')
  .parameters(
    parameters()
      .combine('bad', ['unmapped', 'unmapped-after-use', 'hole-in-buffer', 'no-access'])
      .combine('memory', MEMORY)
      .combine('tries', [1, 3]),
  )
  .needs('gpu-work', 'gpu-fault', 'deferred-work', 'address-choice')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { bad, memory, tries }) => {
    const buffer = allocate(t, memory, LARGE);
    await gpuStore(t, buffer.address, 3);
    const address = await badAddress(t, bad, buffer);
    for (let index = 0; index < tries; index++)
      await t.throws(() => gpuLoad(t, address), 'ERR_SVM_GPU_FAULT', 'access while the address is bad');
    t.collect();
    if (bad === 'no-access') t.machine.process.mprotect(address, LARGE, 'rw');
    else allocate(t, memory, pages(1), { address });
    await gpuStore(t, address, 0x900d);
    t.equal(
      [await gpuLoad(t, address), await gpuLoad(t, buffer.address)],
      [0x900d, 3],
      'what the GPU reads there and in the buffer',
    );
  });

invalidAddressGroup
  .case('read-only', 'writes to memory that is read-only fail, reads of it go on')
  .source('spec/05-faults §5.2')
  .parameters(parameters().combine('memory', MEMORY).combine('attribute', [false, true]))
  .needs('gpu-work')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, attribute }) => {
    const good = allocate(t, memory, LARGE);
    const other = allocate(t, memory, LARGE);
    store(other, 0, 6);
    // Read-only for everybody, or for the GPU.
    if (attribute) t.set(other, [[T.gpuReadOnly, 1]]);
    else other.protect('r');
    for (let index = 0; index < 6; index++) {
      await gpuStore(t, good.at(pages(index)), index);
      if (index % 2 === 1)
        await t.throws(() => gpuStore(t, other.address, 7), 'ERR_SVM_GPU_FAULT', `write of command ${index}`);
      t.equal(await gpuLoad(t, other.address), 6, `what the GPU reads after command ${index}`);
    }
    for (let index = 0; index < 6; index++) t.equal(load(good, pages(index)), index, `word of command ${index}`);
    t.equal(load(other, 0), 6, 'word of the read-only memory');
  });

invalidAddressGroup
  .case('across-the-end', 'a command that reaches beyond the end of its memory fails at the first byte behind it')
  .source('IGT xe_exec_system_allocator -fault')
  .parameters(
    parameters().combine('memory', MEMORY).combine('size', [1, 15, 16, 17, 511, 512]).combine('write', [false, true]),
  )
  .needs('gpu-work')
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
