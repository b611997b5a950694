/** The kernel's hmm-tests: the device reads and writes memory of the process, of any kind and with any permission. */
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import { EOPNOTSUPP, EPERM } from '../../support/errno.ts';
import type { Mapping } from '../../framework/mapping.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { SvmAttributeType as T } from '../../../uapi/constants.ts';
import {
  allocate,
  expectFaults,
  faultCount,
  gpuLoad,
  gpuStore,
  KIB,
  LARGE,
  load,
  MEMORY,
  memoryNeeds,
  MIB,
  store,
} from '../../support/memory.ts';

export const accessGroup = new CaseGroup(
  'hmm,access',
  "READ and WRITE of the kernel's test_hmm: contents, faults and permissions",
);

/** HMM_BUFFER_SIZE and NTIMES of the originals. */
const BUFFER = 4 * MIB;
const TIMES = 10;

const ALL_WORDS = new Uint32Array(BUFFER / 4);
for (let index = 0; index < ALL_WORDS.length; index++) ALL_WORDS[index] = index;

/** Word i has the value i, as in the originals. */
function counting(bytes: number): Uint8Array {
  return new Uint8Array(ALL_WORDS.buffer, 0, bytes);
}

/** GPU ranges that memory of `size` bytes needs. */
function rangesOf(size: number): number {
  return size % LARGE === 0 ? size / LARGE : size / (64 * KIB);
}

const SIZES = [64 * KIB, 1.5 * MIB, BUFFER] as const;

accessGroup
  .case('read', 'the device reads what the CPU wrote, all of it, with one fault for each GPU range')
  .source('hmm-tests anon_read, file_read, anon_read_huge')
  .parameters(parameters().combine('memory', MEMORY).combine('size', SIZES))
  .needs('gpu-work')
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
  .needs('gpu-work')
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
  .case('zero-page', 'pages that were only read are zero for the device, and its writes reach nobody else')
  .source('hmm-tests anon_read: the page table is filled with the zero page first')
  .parameters(parameters().combine('memory', MEMORY).combine('readBy', ['nobody', 'cpu', 'device', 'device-read-only']))
  .needs('gpu-work', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, readBy }) => {
    const mapping = allocate(t, memory, LARGE);
    const other = allocate(t, memory, LARGE);
    if (readBy === 'device-read-only') t.set(mapping, [[T.gpuReadOnly, 1]]);
    for (const each of [mapping, other]) {
      if (readBy === 'cpu') t.equal(load(each, 4096), 0, 'what the CPU reads');
      if (readBy.startsWith('device')) t.equal(await gpuLoad(t, each.at(4096)), 0, 'what the device reads');
    }
    if (readBy === 'device-read-only') {
      t.equal(t.ptes(mapping), 'r*512', 'PTEs of memory that was collected for reading');
      // Made anew for writing: else the pages of the reading would be written to (Q48).
      mapping.discard();
      t.set(mapping, [[T.gpuReadOnly, 0]]);
    }
    await gpuStore(t, mapping.at(4096), 5);
    t.equal(
      [load(mapping, 4096), load(other, 4096), await gpuLoad(t, other.at(4096))],
      [5, 0, 0],
      'words of the memory and of the other',
    );
    t.equal(t.ptes(mapping), 'rw*512', 'PTEs');
  });

accessGroup
  .case('permission', 'what the mapping and GPU_RO permit decides what the device may do, registered or not')
  .source('hmm-tests anon_read_prot, anon_write_prot; spec/05-faults §5.1, §5.2')
  .parameters(
    parameters()
      .combine('protection', ['-', 'r', 'rw', 'rx', 'rwx'])
      .combine('write', [false, true])
      .combine('registered', ['no', 'yes', 'gpu-read-only', 'gpu-executable'])
      .combine('memory', ['anon', 'file']),
  )
  .needs('gpu-fault', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run((t, { protection, write, registered, memory }) => {
    const mapping = allocate(t, memory, LARGE, { protection });
    const readOnly = registered === 'gpu-read-only';
    if (registered !== 'no')
      t.set(mapping, [
        [T.gpuReadOnly, readOnly ? 1 : 0],
        [T.gpuExecutable, registered === 'gpu-executable' ? 1 : 0],
      ]);
    const may = protection.includes('r') && (!write || protection.includes('w'));
    const first = t.fault(mapping.at(pages(7)), { write });
    const letters = `r${protection.includes('w') && !readOnly ? 'w' : ''}${registered === 'gpu-executable' ? 'x' : ''}`;
    t.equal(first, may ? 0 : -EPERM, 'answer to the fault');
    t.equal(t.ptes(mapping), `${may ? letters : '-'}*512`, 'PTEs');
    // A fault makes an interval of what it finds, before it asks for permission (Q28).
    t.equal(
      t.state().attributes.map(({ firstPage, lastPage }) => lastPage - firstPage + 1),
      [512],
      'pages of the intervals',
    );
    t.equal(t.state().notifiers.length, may ? 1 : 0, 'notifiers');
    // No permission is gained by asking again.
    t.equal(
      t.access(mapping.at(pages(7)), 4, { write }).runs[0]?.outcome,
      may && !(write && readOnly) ? 'hit' : 'failed',
      'what becomes of the access',
    );
  });

accessGroup
  .case('prot-and-allow', 'a refused access changes nothing, and succeeds when the mapping permits it')
  .source('hmm-tests anon_read_prot, anon_write_prot')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('write', [false, true])
      .combine('size', [64 * KIB, LARGE]),
  )
  .needs('gpu-work')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, write, size }) => {
    const mapping = allocate(t, memory, size);
    const data = counting(256);
    mapping.write(0, data);
    mapping.protect(write ? 'r' : '-');
    await t.throws(
      () => (write ? gpuStore(t, mapping.address, 0xffff) : gpuLoad(t, mapping.address)),
      'ERR_SVM_GPU_FAULT',
      'access without permission',
    );
    if (!write) mapping.protect('r');
    t.equal(mapping.read(0, 256), data, 'what the CPU reads');
    if (write) mapping.protect('rw');
    if (write) await gpuStore(t, mapping.address, 0xffff);
    t.equal(await gpuLoad(t, mapping.address), write ? 0xffff : 0, 'what the device reads with permission');
    t.equal(load(mapping, 4), 1, 'the word beside it');
  });

accessGroup
  .case('read-multiple', 'ten buffers, one after the other, are mapped, read by the device and unmapped')
  .source('hmm-tests anon_read_multiple')
  .parameters(parameters().combine('memory', MEMORY).combine('place', ['new', 'same']))
  .needs('gpu-work')
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
    }
  });

accessGroup
  .case('faults', 'an access costs a fault for each GPU range, and none where the device has been')
  .source('test_hmm: a command reports its faults; spec/05-faults §5')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('size', [4 * KIB, 60 * KIB, 64 * KIB, 1.5 * MIB, LARGE, LARGE + 4 * KIB, BUFFER])
      .combine('write', [false, true]),
  )
  .needs('gpu-fault', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run((t, { memory, size, write }) => {
    const mapping = allocate(t, memory, size);
    const ranges = Math.floor(size / LARGE) + Math.floor((size % LARGE) / (64 * KIB)) + (size % (64 * KIB)) / 4096;
    const first = t.access(mapping.address, size, { write });
    t.equal([first.faults, first.result], [ranges, 0], 'faults and result of the first access');
    t.equal(
      first.runs.reduce((sum, run) => sum + (run.outcome === 'failed' ? 0 : run.pages), 0),
      size / 4096,
      'pages that were reached',
    );
    const second = t.access(mapping.address, size, { write: true });
    t.equal(
      [second.faults, second.runs.length, second.runs[0]?.outcome],
      [0, 1, 'hit'],
      'faults and runs of the second access',
    );
    t.equal(t.ranges(mapping).length, ranges, 'GPU ranges');
    t.equal(t.state().counters.dmaPages, size / 4096, 'DMA mapped pages');
  });

accessGroup
  .case('after-loss', 'one page that the CPU drops costs one fault, which maps the whole range again')
  .source('test_hmm invalidation; spec/03-gpu-ranges §B.7.1')
  .parameters(parameters().combine('memory', MEMORY).combine('page', [0, 1, 255, 511]).combine('write', [false, true]))
  .needs('gpu-work', 'gpu-fault', 'virtual-clock', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, page, write }) => {
    const mapping = allocate(t, memory, LARGE);
    const near = page === 0 ? 1 : page - 1;
    await gpuStore(t, mapping.at(pages(page)), 1);
    await gpuStore(t, mapping.at(pages(near)), 2);
    mapping.discard(pages(page), pages(1));
    t.equal(t.ptes(mapping.range(pages(page), pages(1))), '-*1', 'PTE of the page');
    t.advance();
    const { faults, result } = t.access(mapping.at(pages(page)), 4096, { write });
    t.equal([faults, result], [1, 0], 'faults and result');
    t.equal(t.ptes(mapping), 'rw*512', 'PTEs');
    // The page cache keeps the page of a file.
    t.equal(await gpuLoad(t, mapping.at(pages(page))), memory === 'file' ? 1 : 0, 'what the device reads in the page');
    t.equal(await gpuLoad(t, mapping.at(pages(near))), 2, 'what the device reads beside it');
  });

accessGroup
  .case('mixedmap', "a driver's mapping of ordinary pages can not be registered, and the device is not served")
  .source('hmm-tests mixedmap; spec/02-attributes §4.2')
  .parameters(parameters().combine('kind', ['mixedmap', 'pfnmap', 'io']).combine('write', [false, true]))
  .needs('gpu-fault', 'special-mapping', 'introspection')
  .run((t, { kind, write }) => {
    const mapping = t.map(LARGE, { kind });
    t.equal(t.trySet(mapping, [[T.access, 2]]), -EOPNOTSUPP, 'result of SET_ATTR');
    t.equal(t.fault(mapping.address, { write }), -EOPNOTSUPP, 'answer to a fault');
    t.equal(
      [t.state().attributes.length, t.state().notifiers.length, t.ptes(mapping)],
      [0, 0, '-*512'],
      'intervals, notifiers, PTEs',
    );
  });

accessGroup
  .case('double-map', 'two devices read and write the same pages at the same time')
  .source('hmm-tests hmm2 double_map')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('size', [24 * KIB, LARGE])
      .combine('protection', ['rw', 'r']),
  )
  .needs('gpu-work', 'two-gpus', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size, protection }) => {
    t.setup({ gpus: 2 });
    const mapping = allocate(t, memory, size);
    const data = counting(1024);
    mapping.write(0, data);
    if (protection === 'r') mapping.protect('r');
    for (const device of t.devices)
      t.equal<Uint8Array>(await t.queue(device).read(mapping.address, 1024), data, 'what a device reads');
    for (const index of [0, 1])
      t.equal(t.ptes(mapping.range(0, 4096), { device: index }), `${protection}*1`, `PTE of device ${index}`);
    if (protection === 'r') {
      for (const index of [0, 1])
        await t.throws(() => gpuStore(t, mapping.address, 9, index), 'ERR_SVM_GPU_FAULT', `write of device ${index}`);
      t.equal(mapping.read(0, 1024), data, 'what the CPU reads');
      return;
    }
    await gpuStore(t, mapping.address, 9, 0);
    t.equal([await gpuLoad(t, mapping.address, 1), load(mapping, 0)], [9, 9], 'what the other device and the CPU read');
  });

accessGroup
  .case('open-close', 'devices are opened and closed without a trace, with and without work')
  .source('hmm-tests open_close')
  .parameters(parameters().combine('work', ['none', 'attributes', 'access']))
  .needs('gpu-work')
  .run(async (t: CaseContext, { work }) => {
    const mapping = t.map(LARGE);
    if (work === 'attributes') t.set(mapping, [[T.gpuExecutable, 1]]);
    if (work === 'access') await gpuStore(t, mapping.address, 1);
    const queue = t.queue();
    t.device.close();
    await t.throws(() => queue.read(mapping.address, 4), 'ERR_SVM_CLOSED', 'work behind the close');
    await t.throws(() => t.device.getAttributes(mapping), 'ERR_SVM_CLOSED', 'a query behind the close');
    t.equal(load(mapping, 0), work === 'access' ? 1 : 0, 'what the CPU reads behind the close');
  });
