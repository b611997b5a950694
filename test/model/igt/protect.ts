/** IGT sections with memory that is read-only for a while, and the permissions of mappings in general. */
import type { CaseContext } from '../../../lib/conformance/framework/context.ts';
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EPERM } from '../../../lib/conformance/support/errno.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  allocate,
  gpuLoad,
  gpuStore,
  load,
  MEMORY,
  memoryNeeds,
  store,
} from '../../../lib/conformance/support/memory.ts';
import { CHUNK_2M, KIB } from '../../../lib/conformance/support/units.ts';

export const protectGroup = new CaseGroup(
  'igt,protect',
  'mprotect to read-only and back between two commands (xe_exec_system_allocator -remap-ro)',
);

/** Beyond the time in which a range that was just mapped is not looked at again. */
function later(t: CaseContext): void {
  t.advance();
}

protectGroup
  .case('and-back', 'while memory is read-only the GPU reads and may not write; afterwards it writes again')
  .source('IGT xe_exec_system_allocator -remap-ro; spec/05-faults §5.2')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('size', [4 * KIB, 64 * KIB, CHUNK_2M, 2 * CHUNK_2M])
      .combine('first', ['gpu-write', 'gpu-read', 'cpu-write', 'nothing'])
      .combine('to', ['r', 'rx']),
  )
  .needs('gpu-work', 'fault-handler', 'introspection', 'virtual-clock')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size, first, to }) => {
    const mapping = allocate(t, memory, size);
    const all = size / 4096;
    if (first === 'gpu-write') await gpuStore(t, mapping.address, 41);
    if (first === 'cpu-write') store(mapping, 0, 41);
    const word = first === 'gpu-write' || first === 'cpu-write' ? 41 : 0;
    if (first === 'gpu-read') t.equal(await gpuLoad(t, mapping.address), 0, 'what the GPU reads at first');
    mapping.protect(to);
    t.equal(t.ptes(mapping), `-*${all}`, 'PTEs after the mapping became read-only');
    later(t);
    t.equal(await gpuLoad(t, mapping.address), word, 'what the GPU reads while the memory is read-only');
    const chunk = Math.min(all, 512);
    t.equal(t.ptes(mapping.range(0, pages(chunk))), `r*${chunk}`, 'PTEs while the memory is read-only');
    later(t);
    t.equal(t.fault(mapping.address, { write: true }), -EPERM, 'write fault while the memory is read-only');
    await t.throws(
      () => gpuStore(t, mapping.address, 42),
      'ERR_SVM_GPU_FAULT',
      'GPU write while the memory is read-only',
    );
    t.equal(load(mapping, 0), word, 'what the CPU reads while the memory is read-only');
    mapping.protect('rw');
    t.equal(t.ptes(mapping), `-*${all}`, 'PTEs after the mapping became writable again');
    later(t);
    await gpuStore(t, mapping.address, 43);
    t.equal(load(mapping, 0), 43, 'what the CPU reads afterwards');
    t.equal(t.ptes(mapping.range(0, pages(chunk))), `rw*${chunk}`, 'PTEs afterwards');
  });

protectGroup
  .case('nothing-allowed', 'memory without permissions is out of reach of the GPU, and comes back with its words')
  .source('spec/05-faults §5.1')
  .parameters(parameters().combine('memory', MEMORY).combine('mapped', ['no', 'by-fault', 'by-prefetch']))
  .needs('gpu-work', 'fault-handler', 'introspection', 'virtual-clock')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, mapped }) => {
    const mapping = allocate(t, memory, CHUNK_2M);
    store(mapping, 0, 8);
    if (mapped === 'by-fault') await gpuStore(t, mapping.address, 9);
    if (mapped === 'by-prefetch') t.set(mapping, { prefetchLocation: 'device' });
    mapping.protect('-');
    t.equal(t.ptes(mapping), '-*512', 'PTEs');
    for (const write of [false, true]) {
      later(t);
      t.equal(t.fault(mapping.address, { write }), -EPERM, `${write ? 'write' : 'read'} fault`);
    }
    mapping.protect('rw');
    later(t);
    t.equal(await gpuLoad(t, mapping.address), mapped === 'by-fault' ? 9 : 8, 'what the GPU reads afterwards');
  });

protectGroup
  .case(
    'part',
    'the pages that became read-only are taken from the GPU, the others keep their words and their PTEs, at first',
  )
  .source('spec/04-invalidation-and-gc §3.3; spec/07-quirks §Q51, §Q52; spec/revisions §5')
  .parameters(
    parameters().combine('memory', ['anon', 'heap', 'file']).combine('first', [0, 128, 256]).combine('count', [1, 256]),
  )
  .needs('gpu-work', 'fault-handler', 'introspection', 'virtual-clock')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, first, count }) => {
    const mapping = allocate(t, memory, CHUNK_2M);
    const outside = first === 0 ? 511 : 0;
    await gpuStore(t, mapping.at(pages(first)), 1);
    await gpuStore(t, mapping.at(pages(outside)), 2);
    const part = mapping.range(pages(first), pages(count));
    mapping.protect('r', pages(first), pages(count));
    t.equal(t.ptes(part), `-*${count}`, 'PTEs of the part');
    t.equal(t.ptes(mapping.range(pages(outside), pages(1)), { states: false }), 'rw*1', 'PTE outside');
    later(t);
    t.equal(t.fault(part.address, { write: true }), -EPERM, 'write fault in the part');
    t.equal(await gpuLoad(t, part.address), 1, 'what the GPU reads in the part');
    later(t);
    // The range was collected for reading; a write fault next to the part uses these pages for all of it (V4), or
    // finds the range valid.
    t.equal(t.fault(mapping.at(pages(outside)), { write: true }), 0, 'write fault outside');
    const ptes = t.ptes(part);
    const valid = t.can('read-only-retry');
    if (valid) t.equal(ptes, `r*${count}`, 'PTEs of the part');
    else
      t.shows(
        'Q51',
        { quirk: ptes === `rw:perm*${count}`, correct: ptes === `r*${count}` || ptes === `-*${count}` },
        `PTEs of the part: ${ptes}`,
      );
    t.equal(
      t.ptes(mapping.range(pages(outside), pages(1)), { states: false }),
      valid ? 'r*1' : 'rw*1',
      'PTE outside afterwards',
    );
    t.equal([load(mapping, pages(first)), load(mapping, pages(outside))], [1, 2], 'words');
  });

protectGroup
  .case('part-after-discard', 'a legal write next to a read-only part should be served')
  .source('spec/07-quirks §Q52')
  .parameters(parameters().combine('memory', ['anon', 'heap', 'file']).combine('first', [0, 256]))
  .needs('gpu-work', 'fault-handler', 'virtual-clock')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, first }) => {
    const mapping = allocate(t, memory, CHUNK_2M);
    await gpuStore(t, mapping.address, 1);
    mapping.discard();
    mapping.protect('r', pages(first), pages(256));
    later(t);
    const result = t.fault(mapping.at(pages(first === 0 ? 256 : 0)), { write: true });
    t.shows('Q52', { quirk: result === -EPERM, correct: result === 0 }, 'write fault in the writable half');
    t.equal(t.fault(mapping.at(pages(first)), { write: true }), -EPERM, 'write fault in the read-only half');
  });

protectGroup
  .case('same', 'an mprotect that changes nothing, or nothing of this memory, takes nothing from the GPU')
  .source('spec/04-invalidation-and-gc §1')
  .parameters(parameters().combine('memory', MEMORY).combine('what', ['same-letters', 'neighbour']))
  .needs('gpu-work', 'introspection', 'events')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .needs('retry-faults')
  .run(async (t, { memory, what }) => {
    const mapping = allocate(t, memory, 2 * CHUNK_2M);
    await gpuStore(t, mapping.address, 1);
    const before = t.ptes(mapping);
    t.equal(before, 'rw*512 -*512', 'PTEs before');
    const counts = t.countEvents(() =>
      what === 'same-letters' ? mapping.protect('rw') : mapping.protect('r', CHUNK_2M),
    );
    t.equal(
      [counts.has('ptes-zapped'), counts.has('dma-unmapped'), t.ptes(mapping)],
      [false, false, before],
      'zaps, DMA unmaps and PTEs',
    );
    const taken = t.countEvents(() => mapping.protect('r', 0, CHUNK_2M));
    t.equal(
      [taken.get('ptes-zapped'), taken.get('tlb-flushed'), taken.get('dma-unmapped')],
      [1, 1, 1],
      'zaps, flushes and DMA unmaps of a real change',
    );
  });
