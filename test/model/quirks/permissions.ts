/** Quirks of section D: pages and permissions. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EIO, EOPNOTSUPP, EPERM } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  answerOf,
  NEEDS_EFFECTS,
  NEEDS_FAULTS,
  NO_RETRY,
  onGpu,
  plainPte,
  pteAt,
  region,
  NEEDS_TIME,
  WRITEABLE,
} from '../support/scene.ts';
import { CHUNK_2M, MIB } from '../../../lib/conformance/support/units.ts';
import { SvmAttributeType } from '../../../lib/uapi/constants.ts';

export const quirkPermissionsGroup = new CaseGroup(
  'quirks,permissions',
  'Quirks Q48 to Q53: pages and permissions (spec/07-quirks §D)',
);

quirkPermissionsGroup
  .case('q48', 'pages collected for reading are mapped writable later')
  .source('spec/07-quirks §Q48')
  .parameters(parameters().combine('by', ['fault', 'prefetch']).combine('first', ['fault', 'prefetch']))
  .needs(...NEEDS_TIME)
  .run((t, { by, first }) => {
    const memory = t.map(CHUNK_2M);
    t.set(memory, [
      { gpuReadOnly: true },
      ...(first === 'prefetch' ? [[SvmAttributeType.prefetchLocation, 1] as const] : []),
    ]);
    if (first === 'fault') t.equal(t.fault(memory.address), 0, 'read fault');
    t.equal(t.ptes(memory), 'r*512', 'PTEs of the read-only mapping');
    t.advance();
    t.set(memory, { gpuReadOnly: false, prefetchLocation: by === 'prefetch' ? 'device' : 'system' });
    if (by === 'fault') t.equal(t.fault(memory.address, { write: true }), 0, 'write fault');
    const words = t.ptes(memory);
    t.shows('Q48', { quirk: words === 'rw:cow*512', correct: words === 'rw*512' }, 'the writable PTEs');
  });

quirkPermissionsGroup
  .case('q49', 'after a read-only VMA a prefetch maps writable memory read-only')
  .source('spec/07-quirks §Q49')
  .parameters(parameters().combine('before', ['nothing', 'mapped-writable']))
  .needs(...NEEDS_TIME)
  .run((t, { before }) => {
    const memory = region(t, 2 * CHUNK_2M);
    memory.protect('r', 0, CHUNK_2M);
    t.set(memory, { access: 'in-place' });
    if (before === 'mapped-writable') {
      t.equal(t.fault(memory.at(CHUNK_2M), { write: true }), 0, 'write fault');
      t.equal(t.ptes(memory), '-*512 rw*512', 'PTEs before');
    }
    t.set(memory, { prefetchLocation: 'device' });
    t.equal(t.ptes(memory.range(0, CHUNK_2M)), 'r*512', 'PTEs of the read-only memory');
    const words = t.ptes(memory.range(CHUNK_2M));
    t.shows('Q49', { quirk: words === 'r*512', correct: words === 'rw*512' }, 'the PTEs of the writable memory');
  });

quirkPermissionsGroup
  .case(
    'q51',
    'a part of a range made read-only becomes GPU-writable; where a range mapped for reading counts as valid, it stays so',
  )
  .source('spec/07-quirks §Q51; spec/revisions §5')
  .needs(...NEEDS_TIME)
  .run((t) => {
    const memory = onGpu(t);
    memory.protect('r', MIB, MIB);
    t.equal(t.fault(memory.at(MIB)), 0, 'read fault in the read-only part');
    t.equal(pteAt(t, memory.at(MIB)) & WRITEABLE, 0n, 'write bit there');
    t.advance();
    t.equal(t.fault(memory.address, { write: true }), 0, 'write fault in the writable part');
    const words = t.ptes(memory.range(MIB));
    if (t.can('read-only-retry')) t.equal(words, 'r*256', 'the PTEs of the read-only part');
    else
      t.shows(
        'Q51',
        { quirk: words === 'rw:perm*256', correct: !words.includes('rw') },
        'the PTEs of the read-only part',
      );
  });

quirkPermissionsGroup
  .case('q52', 'the kill leaves the no-retry PTE at the legal address (V4); later all of it is mapped for reading')
  .source('spec/07-quirks §Q52; spec/revisions §4')
  .needs(...NEEDS_TIME)
  .run((t) => {
    const memory = onGpu(t);
    memory.discard();
    memory.protect('r', MIB, MIB);
    const { handled, result } = t.gpu().vmFault({ address: memory.address, write: true });
    const pte = pteAt(t, memory.address);
    t.equal(pte === (plainPte(t) & ~WRITEABLE), t.can('read-only-retry'), 'whether the address is mapped for reading');
    t.shows(
      'Q52',
      { quirk: !handled && result === -EPERM && pte === NO_RETRY, correct: handled && result === 0 },
      'the legal write',
    );
  });

quirkPermissionsGroup
  .case('q53-mixedmap', 'an interval that is left makes a VM_MIXEDMAP mapping usable that is refused without')
  .source('spec/07-quirks §Q53')
  .needs(...NEEDS_EFFECTS, 'special-mapping', 'address-choice')
  .run((t) => {
    const [registered, plain] = [region(t), region(t)];
    t.set(registered, { access: 'in-place' });
    const results = [registered, plain].map((memory) => {
      memory.unmap();
      t.machine.process.mmap({ address: memory.address, size: CHUNK_2M, kind: 'mixedmap' });
      return t.fault(memory.address);
    });
    t.equal(
      [results[1], t.trySet(plain, { access: 'in-place' })],
      [-EOPNOTSUPP, -EOPNOTSUPP],
      'fault and SET without an interval',
    );
    t.shows(
      'Q53',
      { quirk: results[0] === 0 && t.ptes(registered) === 'rw*512', correct: results[0] === -EOPNOTSUPP },
      'the fault with an interval',
    );
  });

quirkPermissionsGroup
  .case('q53-errors', 'VM_IO and VM_PFNMAP are refused with EIO under an interval, with EOPNOTSUPP without')
  .source('spec/07-quirks §Q53')
  .parameters(parameters().combine('kind', ['io', 'pfnmap']).combine('protection', ['r', 'rw']))
  .needs(...NEEDS_FAULTS, 'events', 'special-mapping', 'address-choice')
  .run((t, { kind, protection }) => {
    const [registered, plain] = [region(t), region(t)];
    t.set(registered, { access: 'in-place' });
    const results = [registered, plain].map((memory) => {
      memory.unmap();
      t.machine.process.mmap({ address: memory.address, size: CHUNK_2M, kind, protection });
      return answerOf(t, () => t.fault(memory.address))[0];
    });
    t.equal(results[1], -EOPNOTSUPP, 'fault without an interval');
    t.shows('Q53', { quirk: results[0] === -EIO, correct: results[0] === -EOPNOTSUPP }, 'the fault with an interval');
  });
