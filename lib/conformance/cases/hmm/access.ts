/** The kernel's hmm-tests: the device reads and writes memory of the process, of any kind and with any permission. */
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import type { Mapping } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { gpuFault } from '../../support/gpu-fault.ts';
import {
  allocate,
  expectFaults,
  faultCount,
  gpuLoad,
  gpuStore,
  load,
  MEMORY,
  memoryNeeds,
  store,
  waitForCollector,
} from '../../support/memory.ts';
import { counting, BUFFER } from '../../support/counting.ts';
import { CHUNK_2M, KIB, MIB } from '../../support/units.ts';

export const accessGroup = new CaseGroup(
  'hmm,access',
  "READ and WRITE of the kernel's test_hmm: contents, faults and permissions",
);

const TIMES = 10;

/** GPU ranges that memory of `size` bytes needs. */
function rangesOf(size: number): number {
  return size % CHUNK_2M === 0 ? size / CHUNK_2M : size / (64 * KIB);
}

const SIZES = [64 * KIB, 1.5 * MIB, BUFFER] as const;

accessGroup
  .case('read', 'the device reads what the CPU wrote, all of it, with one fault for each GPU range')
  .source('hmm-tests anon_read, file_read, anon_read_huge')
  .parameters(parameters().combine('memory', MEMORY).combine('size', SIZES))
  .needs('gpu-work', 'retry-faults')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size }) => {
    const mapping = allocate(t, memory, size);
    const data = counting(size);
    mapping.write(0, data);
    const before = faultCount(t);
    t.ok(
      Buffer.compare(await t.queue().read(mapping.address, size), data) === 0,
      'the device reads what the CPU wrote',
    );
    expectFaults(t, before, rangesOf(size));
    t.ok(Buffer.compare(mapping.read(0, size), data) === 0, 'the CPU still reads it');
  });

accessGroup
  .case('write', 'the CPU reads what the device wrote, all of it')
  .source('hmm-tests anon_write, file_write, anon_write_huge')
  .parameters(parameters().combine('memory', MEMORY).combine('size', SIZES).combine('cpuFirst', [false, true]))
  .needs('gpu-work', 'retry-faults')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size, cpuFirst }) => {
    const mapping = allocate(t, memory, size);
    if (cpuFirst) for (let offset = 0; offset < size; offset += 16 * KIB) store(mapping, offset, 0xffff_ffff);
    const data = counting(size);
    const before = faultCount(t);
    await t.queue().write(mapping.address, data);
    expectFaults(t, before, rangesOf(size));
    t.ok(Buffer.compare(mapping.read(0, size), data) === 0, 'the CPU reads what the device wrote');
  });

accessGroup
  .case('prot-and-allow', 'a refused access changes nothing, and succeeds when the mapping permits it')
  .source('hmm-tests anon_read_prot, anon_write_prot')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('write', [false, true])
      .combine('size', [64 * KIB, CHUNK_2M]),
  )
  .needs('gpu-work', 'retry-faults', 'gpu-fault')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, write, size }) => {
    const mapping = allocate(t, memory, size);
    const data = counting(256);
    mapping.write(0, data);
    mapping.protect(write ? 'r' : '-');
    t.equal(await gpuFault(t, mapping.address, write ? 0xffff : undefined), 'refused', 'access without permission');
    if (!write) mapping.protect('r');
    t.equal(mapping.read(0, 256), data, 'what the CPU reads');
    if (!t.can('work-after-fault')) return;
    if (write) mapping.protect('rw');
    if (write) await gpuStore(t, mapping.address, 0xffff);
    t.equal(await gpuLoad(t, mapping.address), write ? 0xffff : 0, 'what the device reads with permission');
    t.equal(load(mapping, 4), 1, 'the word next to it');
  });

accessGroup
  .case('read-multiple', 'ten buffers, one after the other, are mapped, read by the device and unmapped')
  .source('hmm-tests anon_read_multiple')
  .parameters(parameters().combine('memory', MEMORY).combine('place', ['new', 'same']))
  .needs('gpu-work', 'retry-faults')
  .needsAt(({ memory, place }) => [...memoryNeeds(memory), ...(place === 'same' ? (['address-choice'] as const) : [])])
  .run(async (t, { memory, place }) => {
    let address: bigint | undefined;
    for (let round = 0; round < TIMES; round++) {
      const mapping: Mapping = allocate(
        t,
        memory,
        256 * KIB,
        place === 'same' && address !== undefined ? { address } : {},
      );
      ({ address } = mapping);
      const data = counting(256 * KIB).slice();
      for (let at = 3; at < data.length; at += 4096) data[at] = round + 1;
      mapping.write(0, data);
      t.ok(
        Buffer.compare(await t.queue().read(address, 256 * KIB), data) === 0,
        `the device reads what the CPU wrote in round ${round}`,
      );
      mapping.unmap();
      // A fault at the same place must not be the one that collects: it would be killed (spec/07-quirks §Q33).
      if (place === 'same') waitForCollector(t, mapping);
    }
  });

accessGroup
  .case('open-close', 'devices are opened and closed without a trace, with and without work')
  .source('hmm-tests open_close')
  .parameters(parameters().combine('work', ['none', 'attributes', 'access']))
  .needs('gpu-work', 'retry-faults')
  .run(async (t: CaseContext, { work }) => {
    const mapping = t.map(CHUNK_2M);
    if (work === 'attributes') t.set(mapping, { gpuExecutable: true });
    if (work === 'access') await gpuStore(t, mapping.address, 1);
    const queue = t.queue();
    t.device.close();
    await t.throws(() => queue.read(mapping.address, 4), 'ERR_SVM_CLOSED', 'work after the close');
    await t.throws(() => t.device.getAttributes(mapping), 'ERR_SVM_CLOSED', 'a query after the close');
    t.equal(load(mapping, 0), work === 'access' ? 1 : 0, 'what the CPU reads after the close');
  });
