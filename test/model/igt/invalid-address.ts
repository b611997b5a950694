/** IGT section `fault`: one command in the middle has a bad address. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EIO, EOPNOTSUPP } from '../../../lib/conformance/support/errno.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { allocate, gpuLoad, gpuStore, load, MEMORY, memoryNeeds } from '../../../lib/conformance/support/memory.ts';
import { BAD_NAMES, badNeeds, badAddress, BAD } from '../../../lib/conformance/support/bad-addresses.ts';
import { CHUNK_2M } from '../../../lib/conformance/support/units.ts';

export const invalidAddressGroup = new CaseGroup(
  'igt,invalid-address',
  'One bad address among good ones (xe_exec_system_allocator -fault, xe_exec_fault_mode invalid-va)',
);

invalidAddressGroup
  .case('answer', 'the handler answers each kind of bad address in its own way, every time, and maps nothing there')
  .source('spec/05-faults §4, §5.2, §7')
  .parameters(parameters().combine('bad', BAD_NAMES).combine('write', [false, true]))
  .needs('gpu-work', 'fault-handler', 'virtual-clock', 'introspection')
  .needsAt(({ bad }) => badNeeds(bad))
  .run(async (t, { bad, write }) => {
    const buffer = t.map(CHUNK_2M);
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
    'a fault in memory of a kind that cannot be shared is killed also where attributes are left from before',
  )
  .source('spec/05-faults §5.2; spec/07-quirks §Q53')
  .parameters(parameters().combine('kind', ['io', 'pfnmap', 'mixedmap']).combine('write', [false, true]))
  .needs('fault-handler', 'special-mapping', 'address-choice')
  .run((t, { kind, write }) => {
    const before = t.map(CHUNK_2M);
    t.set(before, { access: 'allow-migrate' });
    before.unmap();
    t.map(CHUNK_2M, { kind, address: before.address });
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
  .needs('gpu-work', 'fault-handler', 'deferred-work', 'address-choice')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { bad, memory, tries }) => {
    const buffer = allocate(t, memory, CHUNK_2M);
    await gpuStore(t, buffer.address, 3);
    const address = await badAddress(t, bad, buffer);
    for (let index = 0; index < tries; index++)
      await t.throws(() => gpuLoad(t, address), 'ERR_SVM_GPU_FAULT', 'access while the address is bad');
    t.collect();
    if (bad === 'no-access') t.machine.process.mprotect(address, CHUNK_2M, 'rw');
    else allocate(t, memory, pages(1), { address });
    await gpuStore(t, address, 0x900d);
    t.equal(
      [await gpuLoad(t, address), await gpuLoad(t, buffer.address)],
      [0x900d, 3],
      'what the GPU reads there and in the buffer',
    );
  });
