/** The kernel's hmm-tests: the device reads and writes memory of the process, of any kind and with any permission. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EOPNOTSUPP, EPERM } from '../../../lib/conformance/support/errno.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { allocate, gpuLoad, gpuStore, load, MEMORY, memoryNeeds } from '../../../lib/conformance/support/memory.ts';
import { counting, BUFFER } from '../../../lib/conformance/support/counting.ts';
import { CHUNK_2M, KIB, MIB } from '../../../lib/conformance/support/units.ts';

export const accessGroup = new CaseGroup(
  'hmm,access',
  "READ and WRITE of the kernel's test_hmm: contents, faults and permissions",
);

accessGroup
  .case('zero-page', 'pages that were only read are zero for the device, and its writes reach nobody else')
  .source('hmm-tests anon_read: the page table is filled with the zero page first')
  .parameters(parameters().combine('memory', MEMORY).combine('readBy', ['nobody', 'cpu', 'device', 'device-read-only']))
  .needs('gpu-work', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .needs('retry-faults')
  .run(async (t, { memory, readBy }) => {
    const mapping = allocate(t, memory, CHUNK_2M);
    const other = allocate(t, memory, CHUNK_2M);
    if (readBy === 'device-read-only') t.set(mapping, { gpuReadOnly: true });
    for (const each of [mapping, other]) {
      if (readBy === 'cpu') t.equal(load(each, 4096), 0, 'what the CPU reads');
      if (readBy.startsWith('device')) t.equal(await gpuLoad(t, each.at(4096)), 0, 'what the device reads');
    }
    if (readBy === 'device-read-only') {
      t.equal(t.ptes(mapping), 'r*512', 'PTEs of memory that was collected for reading');
      // Made again for writing: else the pages of the reading would be written to (Q48).
      mapping.discard();
      t.set(mapping, { gpuReadOnly: false });
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
  .needs('fault-handler', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run((t, { protection, write, registered, memory }) => {
    const mapping = allocate(t, memory, CHUNK_2M, { protection });
    const readOnly = registered === 'gpu-read-only';
    if (registered !== 'no') t.set(mapping, { gpuReadOnly: readOnly, gpuExecutable: registered === 'gpu-executable' });
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
  .case('faults', 'an access costs a fault for each GPU range, and none where the device has been')
  .source('test_hmm: a command reports its faults; spec/05-faults §5')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('size', [4 * KIB, 60 * KIB, 64 * KIB, 1.5 * MIB, CHUNK_2M, CHUNK_2M + 4 * KIB, BUFFER])
      .combine('write', [false, true]),
  )
  .needs('fault-handler', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run((t, { memory, size, write }) => {
    const mapping = allocate(t, memory, size);
    const ranges =
      Math.floor(size / CHUNK_2M) + Math.floor((size % CHUNK_2M) / (64 * KIB)) + (size % (64 * KIB)) / 4096;
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
  .needs('gpu-work', 'fault-handler', 'virtual-clock', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, page, write }) => {
    const mapping = allocate(t, memory, CHUNK_2M);
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
    t.equal(await gpuLoad(t, mapping.at(pages(near))), 2, 'what the device reads next to it');
  });

accessGroup
  .case('mixedmap', "a driver's mapping of ordinary pages cannot be registered, and the device is not served")
  .source('hmm-tests mixedmap; spec/02-attributes §4.2')
  .parameters(parameters().combine('kind', ['mixedmap', 'pfnmap', 'io']).combine('write', [false, true]))
  .needs('fault-handler', 'special-mapping', 'introspection')
  .run((t, { kind, write }) => {
    const mapping = t.map(CHUNK_2M, { kind });
    t.equal(t.trySet(mapping, { access: 'allow-migrate' }), -EOPNOTSUPP, 'result of SET_ATTR');
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
      .combine('size', [24 * KIB, CHUNK_2M])
      .combine('protection', ['rw', 'r']),
  )
  .needs('gpu-work', 'two-gpus', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .needs('retry-faults')
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
