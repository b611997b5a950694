/** What VMA, GPU_RO and the kind of the access make of a fault. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EIO, EPERM } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { answerOf, during, NEEDS_EFFECTS, intervals, onGpu, pteAt, rangeWords, region } from '../support/scene.ts';
import { CHUNK_2M, MIB, PAGE } from '../../../lib/conformance/support/units.ts';

export const permissionsGroup = new CaseGroup(
  'faults,permissions',
  'Permission of a fault: VMA, GPU_RO, read or write (spec/05-faults §5.1, §5.2)',
);

permissionsGroup
  .case('table', 'reading needs VM_READ, writing VM_WRITE as well; GPU_RO and execution count for nothing')
  .source('spec/05-faults §5.1, §5.2')
  .parameters(
    parameters()
      .combine('protection', ['-', 'r', 'w', 'x', 'rw', 'rx', 'wx', 'rwx'])
      .combine('gpuReadOnly', [0, 1])
      .combine('write', [false, true])
      .combine('registered', [false, true])
      .where(({ gpuReadOnly, registered }) => registered || gpuReadOnly === 0),
  )
  .needs(...NEEDS_EFFECTS, 'address-choice')
  .run((t, { protection, gpuReadOnly, write, registered }) => {
    const memory = region(t);
    if (registered) t.set(memory, { gpuReadOnly, access: 'in-place' });
    memory.unmap();
    t.machine.process.mmap({ address: memory.address, size: CHUNK_2M, protection });
    const allowed = protection.includes('r') && (!write || protection.includes('w'));
    t.equal(
      answerOf(t, () => t.fault(memory.address, { write })),
      allowed ? [0, 'mapped'] : [-EPERM, 'no-permission'],
      'answer',
    );
    const letters = protection.includes('w') && gpuReadOnly === 0 ? 'rw' : 'r';
    t.equal(t.ptes(memory), allowed ? `${letters}*512` : '-*512', 'PTEs');
    t.equal([t.state().ranges.length, t.state().notifiers.length], allowed ? [1, 1] : [0, 0], 'ranges and notifiers');
  });

permissionsGroup
  .case('at-the-page', 'the VMA at the faulting page decides, not its neighbours')
  .source('spec/05-faults §5.1')
  .parameters(parameters().combine('page', [0, 15, 16, 255, 256]).combine('write', [false, true]))
  .needs(...NEEDS_EFFECTS)
  .run((t, { page, write }) => {
    const memory = region(t);
    memory.protect('r', 16 * PAGE, 240 * PAGE);
    t.set(memory, { access: 'in-place' });
    const readOnly = page >= 16 && page < 256;
    t.equal(t.fault(memory.at(page * PAGE), { write }), readOnly && write ? -EPERM : 0, 'fault');
    const first = page - (page % 16);
    const runs = [first === 0 ? '' : `-*${first}`, `${readOnly ? 'r' : 'rw'}*16`, `-*${496 - first}`]
      .filter((word) => word !== '')
      .join(' ');
    t.equal(t.ptes(memory), readOnly && write ? '-*512' : runs, 'PTEs');
  });

permissionsGroup
  .case('changed', 'permission is that of now: a change is followed by the next fault')
  .source('spec/05-faults §5.1; spec/04-invalidation-and-gc §3')
  .parameters(
    parameters()
      .combine('from', ['r', 'rw', '-'])
      .combine('to', ['r', 'rw', '-'])
      .where(({ from, to }) => from !== to),
  )
  .needs(...NEEDS_EFFECTS)
  .run((t, { from, to }) => {
    const memory = region(t);
    memory.protect(from);
    t.equal(t.fault(memory.address), from === '-' ? -EPERM : 0, 'fault before');
    t.equal(t.ptes(memory), from === '-' ? '-*512' : `${from}*512`, 'PTEs before');
    t.advance();
    memory.protect(to);
    t.equal(t.ptes(memory), '-*512', 'PTEs after the change');
    t.equal(t.fault(memory.address), to === '-' ? -EPERM : 0, 'read fault');
    t.equal(t.ptes(memory), to === '-' ? '-*512' : `${to}*512`, 'PTEs');
    t.advance();
    t.equal(t.fault(memory.address, { write: true }), to === 'rw' ? 0 : -EPERM, 'write fault');
  });

permissionsGroup
  .case('access-attribute', 'the attribute ACCESS is not consulted')
  .source('spec/05-faults §5.1; quirk Q14')
  .parameters(parameters().combine('access', [0, 1, 2]).combine('write', [false, true]).combine('location', [0, 1]))
  .needs(...NEEDS_EFFECTS)
  .run((t, { access, write, location }) => {
    const memory = region(t);
    t.set(memory, { access, preferredLocation: location });
    t.has(memory, { access }, 'ACCESS');
    t.equal(t.fault(memory.address, { write }), 0, 'fault');
    t.equal(t.ptes(memory), 'rw*512', 'PTEs');
  });

permissionsGroup
  .case(
    'special',
    'under an interval that is left, VM_IO and VM_PFNMAP give EIO after the permission check, VM_MIXEDMAP is served',
  )
  .source('spec/05-faults §5.2; spec/03-gpu-ranges §A.6 step 7; quirk Q53')
  .parameters(
    parameters()
      .combine('kind', ['io', 'pfnmap', 'mixedmap'])
      .combine('protection', ['-', 'r', 'rw'])
      .combine('write', [false, true]),
  )
  .needs(...NEEDS_EFFECTS, 'special-mapping', 'address-choice')
  .run((t, { kind, protection, write }) => {
    const memory = region(t);
    t.set(memory, { access: 'in-place' });
    memory.unmap();
    t.machine.process.mmap({ address: memory.address, size: CHUNK_2M, kind, protection });
    const allowed = protection !== '-' && !(write && protection === 'r');
    const expected: [number, string] = !allowed
      ? [-EPERM, 'no-permission']
      : kind === 'mixedmap'
        ? [0, 'mapped']
        : [-EIO, 'no-range'];
    t.equal(
      answerOf(t, () => t.fault(memory.address, { write })),
      expected,
      'answer',
    );
    t.equal(t.ptes(memory), expected[0] === 0 ? `${protection}*512` : '-*512', 'PTEs');
  });

permissionsGroup
  .case('gpu-read-only-write', 'a write to GPU_RO memory is mapped read-only again each time, beyond the window')
  .source('spec/05-faults §5 step 6, §5.2; quirk Q56')
  .parameters(parameters().combine('rounds', [1, 3]))
  .needs(...NEEDS_EFFECTS)
  .run((t, { rounds }) => {
    const memory = region(t);
    t.set(memory, { gpuReadOnly: true });
    for (let round = 0; round < rounds; round++) {
      t.equal(
        answerOf(t, () => t.fault(memory.address, { write: true })),
        // Later revisions look at the mapping, not at the kind of the access: it counts as valid.
        [0, round > 0 && t.can('read-only-retry') ? 'already-valid' : 'mapped'],
        'answer',
      );
      if (round > 0 && t.can('read-only-retry')) continue;
      t.equal(
        answerOf(t, () => t.fault(memory.address, { write: true })),
        [0, 'recently-mapped'],
        'answer at once again',
      );
      t.advance();
    }
    // A read fault takes the shortcut.
    t.equal(
      answerOf(t, () => t.fault(memory.address)),
      [0, 'already-valid'],
      'answer to a read',
    );
    t.equal(t.ptes(memory), 'r*512', 'PTEs');
  });

permissionsGroup
  .case('neighbour', 'a range over VMAs of different protection: the page that faults decides how all is mapped')
  .source('spec/05-faults §5; quirks Q51, Q52')
  .parameters(parameters().combine('first', ['read-readable', 'write-writable']))
  .needs(...NEEDS_EFFECTS)
  .run((t, { first }) => {
    const memory = onGpu(t);
    if (first === 'write-writable') memory.discard();
    memory.protect('r', MIB, MIB);
    if (first === 'read-readable') {
      t.equal(t.fault(memory.at(MIB)), 0, 'read fault in the read-only part');
      t.equal(t.ptes(memory), 'r*512', 'PTEs');
    } else {
      t.equal(
        answerOf(t, () => t.fault(memory.address, { write: true })),
        t.can('read-only-retry') ? [0, 'mapped'] : [-EPERM, 'pages-not-writable'],
        'write fault in the writable part',
      );
      t.equal(t.ptes(memory), t.can('read-only-retry') ? 'r*512' : '-*512', 'PTEs');
    }
    t.equal(
      rangeWords(t, memory),
      [first === 'read-readable' || t.can('read-only-retry') ? '0+512 mapped dma' : '0+512'],
      'ranges',
    );
    t.equal(intervals(t, memory), [[0, 511, 3]], 'intervals');
    t.equal(pteAt(t, memory.at(CHUNK_2M)), 0n, 'PTE after');
  });

permissionsGroup
  .case(
    'changed-meanwhile',
    'the record is that of the moment at which the flags are computed, how pages are collected that of the beginning; from V5 on a SET waits for the fault and clears what it has mapped',
  )
  .source('spec/05-faults §5; spec/03-gpu-ranges §B.2; spec/revisions §4')
  .needs(...NEEDS_EFFECTS, 'preemption')
  .run(async (t) => {
    const memory = t.map(CHUNK_2M);
    t.set(memory, { access: 'in-place' });
    let answer: Promise<void> | undefined;
    // V4 changes the record at once, and the rest of the call waits for the svm lock; later all of it waits.
    during(
      t,
      'mmap-lock',
      () => (answer = t.device.setAttributesAsync(memory, { gpuReadOnly: true })),
      () => t.equal(t.fault(memory.address), 0, 'fault'),
    );
    await answer;
    t.equal(t.ptes(memory), t.can('changes-invalidate') ? '-*512' : 'r*512', 'PTEs');
    t.advance();
    t.set(memory, { gpuReadOnly: false });
    t.equal(t.fault(memory.address, { write: true }), 0, 'write fault');
    t.equal(t.ptes(memory), 'rw*512', 'PTEs on pages collected for writing');
  });
