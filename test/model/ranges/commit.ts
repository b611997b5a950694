/** Writing the PTEs of a range: by a fault and by a prefetch, what each does beside, and what is left of a failure. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import type { CaseContext } from '../../../lib/conformance/framework/context.ts';
import { EBUSY, EFAULT, EINTR, ENODEV, ENOMEM, EPERM } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  during,
  effects,
  keptPteFlags,
  moved,
  NEEDS_EFFECTS,
  NEEDS_TIME,
  onGpu,
  plainPte,
  pteAt,
  rangeWords,
  region,
  WRITEABLE,
} from '../support/scene.ts';
import { CHUNK_2M, MIB, PAGE } from '../../../lib/conformance/support/units.ts';
import { SvmAttributeType } from '../../../lib/uapi/constants.ts';

export const commitGroup = new CaseGroup(
  'ranges,commit',
  'Committing a range: by a fault and by a prefetch, whole and in part (spec/03-gpu-ranges §B.3, §B.7 to §B.9)',
);

commitGroup
  .case(
    'order',
    'pages are DMA-mapped before PTEs are written; only a prefetch flushes the TLB, once for each range, after the PTEs',
  )
  .source('spec/03-gpu-ranges §B.7; spec/06-lifecycle §8')
  .parameters(parameters().combine('by', ['fault', 'prefetch']).combine('blocks', [1, 2, 4]))
  .needs(...NEEDS_EFFECTS)
  .run((t, { by, blocks }) => {
    const memory = region(t, blocks * CHUNK_2M);
    const seen = effects(t, memory, () => {
      if (by === 'prefetch') t.set(memory, { prefetchLocation: 'device' });
      else for (let block = 0; block < blocks; block++) t.equal(t.fault(memory.at(block * CHUNK_2M)), 0, 'fault');
    });
    const expected: string[] = [];
    for (let page = 0; page < blocks * 512; page += 512) {
      expected.push(`range+ ${page}+512`, `dma+ ${page}+512`, `pte ${page}+512`, ...(by === 'prefetch' ? ['tlb'] : []));
    }
    t.equal(seen, expected, 'effects');
  });

commitGroup
  .case('record', 'a commit stores flags, mark and time of the range; nothing before it does')
  .source('spec/03-gpu-ranges §B.1, §B.7 step 7')
  .parameters(parameters().combine('by', ['fault', 'prefetch']))
  .needs(...NEEDS_TIME)
  .run((t, { by }) => {
    const memory = region(t);
    t.set(memory, { hiveLocal: true, gpuExecutable: true });
    t.equal(t.state().ranges, [], 'ranges before');
    t.advance(12_345);
    const { clock } = t.state();
    if (by === 'prefetch') t.set(memory, { prefetchLocation: 'device' });
    else t.equal(t.fault(memory.address), 0, 'fault');
    t.advance(1);
    t.equal(
      t.state().ranges,
      [
        {
          start: memory.address,
          end: memory.address + BigInt(CHUNK_2M),
          mapped: true,
          unmapped: false,
          partiallyUnmapped: false,
          dmaMapped: true,
          inVram: false,
          migrates: false,
          queued: false,
          queue: 'none',
          pending: undefined,
          pteFlags: keptPteFlags(t, plainPte(t) | 0x10n),
          attributeFlags: 0x2b,
          validationTime: clock,
        },
      ],
      'range',
    );
  });

commitGroup
  .case('whole-range', 'the whole range is written, whichever of its pages faults')
  .source('spec/03-gpu-ranges §B.7.1')
  .parameters(parameters().combine('page', [0, 1, 200, 511]).combine('write', [false, true]))
  .needs(...NEEDS_TIME)
  .run((t, { page, write }) => {
    const memory = t.map(CHUNK_2M);
    t.equal(
      moved(t, ['pagesAllocated', 'dmaPages'], () => t.equal(t.fault(memory.at(page * PAGE), { write }), 0, 'fault')),
      { pagesAllocated: 512, dmaPages: 512 },
      'pages',
    );
    t.equal(t.ptes(memory), 'rw*512', 'PTEs');
  });

commitGroup
  .case(
    'prefetch-skips-valid',
    'a prefetch leaves ranges alone that are valid, and maps the others; from V5 on its own change of the location has made them invalid',
  )
  .source('spec/03-gpu-ranges §B.8 step 4, §B.9; spec/revisions §4')
  .parameters(parameters().combine('valid', [0, 1, 2]).combine('lost', ['nothing', 'discarded', 'other-flags']))
  .needs(...NEEDS_EFFECTS)
  .run((t, { valid, lost }) => {
    const memory = region(t, 3 * CHUNK_2M);
    t.set(memory, { access: 'in-place' });
    t.equal(t.fault(memory.at(valid * CHUNK_2M)), 0, 'fault');
    if (lost === 'discarded') memory.discard(valid * CHUNK_2M, PAGE);
    const seen = effects(
      t,
      memory,
      () =>
        t.set(memory, [
          { prefetchLocation: 'device' },
          ...(lost === 'other-flags' ? [[SvmAttributeType.hostAccess, 0] as const] : []),
        ]),
      ['ptes-written', 'dma-mapped'],
    );
    const expected = [0, 1, 2].flatMap((block) => {
      const pte = `pte ${block * 512}+512`;
      if (block !== valid || lost === 'discarded') return [`dma+ ${block * 512}+512`, pte];
      // Pages that are DMA-mapped still are not collected again.
      return lost === 'other-flags' || t.can('changes-invalidate') ? [pte] : [];
    });
    t.equal(seen, expected, 'effects');
    t.equal(t.ptes(memory), 'rw*1536', 'PTEs');
  });

const FAILURES = [
  'write-ptes EBUSY',
  'write-ptes ENODEV',
  'write-ptes ENOMEM',
  'update-directories ENODEV',
  'lock-page-directory EINTR',
  'allocate-range ENOMEM',
  'collect-pages EFAULT',
  'collect-pages EBUSY',
  'collect-pages ENOMEM',
  'collect-pages EPERM',
] as const;
const ERRNO = { EBUSY, ENODEV, ENOMEM, EINTR, EFAULT, EPERM } as const;
type Place = 'write-ptes' | 'update-directories' | 'lock-page-directory' | 'allocate-range' | 'collect-pages';

commitGroup
  .case(
    'prefetch-failure',
    'a prefetch ends with its first error, without another attempt: what was mapped stays, what comes behind is not begun',
  )
  .source('spec/03-gpu-ranges §B.8; spec/revisions §4')
  .parameters(parameters().combine('failure', FAILURES).combine('at', [0, 1, 2]))
  .needs(...NEEDS_EFFECTS, 'failure-injection')
  .run((t, { failure, at: passage }) => {
    const memory = region(t, 3 * CHUNK_2M);
    const [place, name] = failure.split(' ') as [Place, keyof typeof ERRNO];
    t.gpu().failures.plan(place, name, 1, passage);
    const readOnly = name === 'EPERM' && t.can('read-only-retry');
    t.equal(t.trySet(memory, { prefetchLocation: 'device' }), readOnly ? 0 : -ERRNO[name], 'SET');
    t.has(memory, { prefetchLocation: 'device' }, 'PREFETCH_LOC is stored all the same');
    if (readOnly) {
      const letters = [0, 1, 2].map((block) => (block === passage ? 'r*512' : 'rw*512'));
      const blocks = [0, 1, 2].map((block) => t.ptes(memory.range(block * CHUNK_2M, CHUNK_2M)));
      t.equal(blocks, letters, 'PTEs of the blocks: what may not be written is mapped for reading');
      return;
    }
    // From V5 on the first lock is that of the invalidation, before anything is mapped.
    const locksBefore = place === 'lock-page-directory' && t.can('changes-invalidate');
    const at = locksBefore ? passage - 1 : passage;
    if (at < 0) {
      t.equal([t.ptes(memory), rangeWords(t, memory)], ['-*1536', []], 'PTEs and ranges');
      return;
    }
    const written = at + (place === 'update-directories' ? 1 : 0);
    const runs = [written === 0 ? '' : `rw*${written * 512}`, written === 3 ? '' : `-*${(3 - written) * 512}`].filter(
      (word) => word !== '',
    );
    t.equal(t.ptes(memory), runs.join(' '), 'PTEs');
    const made = place === 'allocate-range' ? at : at + 1;
    const dma = place === 'collect-pages' ? at : at + 1;
    const words = Array.from(
      { length: made },
      (_, block) => `${block * 512}+512${block < at ? ' mapped' : ''}${block < dma ? ' dma' : ''}`,
    );
    t.equal(rangeWords(t, memory), words, 'ranges');
  });

commitGroup
  .case('fault-failure', 'an error of the commit in a fault is the answer; the mark of the range keeps its value')
  .source('spec/03-gpu-ranges §B.7; spec/05-faults §5, §9; spec/revisions §4')
  .parameters(
    parameters()
      .combine('place', ['write-ptes', 'update-directories'])
      .combine('errno', ['EBUSY', 'ENODEV', 'ENOMEM'])
      .combine('before', ['new', 'mapped', 'invalidated']),
  )
  .needs(...NEEDS_TIME, 'failure-injection')
  .run((t, { place, errno, before }) => {
    const memory = before === 'new' ? region(t) : onGpu(t);
    t.set(memory, { gpuReadOnly: true });
    if (before === 'invalidated') memory.discard();
    t.gpu().failures.plan(place, errno);
    t.equal(t.fault(memory.address), -ERRNO[errno], 'fault');
    // The SET covers its interval exactly, so the range stays; from V5 on it has cleared the PTEs.
    const live = before === 'mapped' && !t.can('changes-invalidate');
    t.equal(rangeWords(t, memory), [`0+512${live ? ' mapped' : ''} dma`], 'ranges');
    const old = live ? plainPte(t) : 0n;
    t.equal(pteAt(t, memory.address), place === 'update-directories' ? plainPte(t) & ~WRITEABLE : old, 'PTE');
    t.equal(
      t.state().ranges[0]!.pteFlags,
      keptPteFlags(t, before === 'new' ? 0n : plainPte(t)),
      'flags of the last good commit',
    );
  });

commitGroup
  .case(
    'not-interruptible',
    'only a prefetch can be interrupted while it waits for the page directory (V4); later a fault of an unregistered page as well',
  )
  .source('spec/03-gpu-ranges §B.6, §B.7; spec/revisions §4, §5')
  .needs(...NEEDS_TIME, 'failure-injection')
  .run((t) => {
    const memory = region(t, 2 * CHUNK_2M);
    t.gpu().failures.plan('lock-page-directory', 'EINTR');
    if (t.can('buffer-object-check')) {
      // It looks whether the page lies in a buffer object, under the same lock.
      t.equal([t.fault(memory.address), t.ptes(memory)], [-EINTR, '-*1024'], 'fault, and PTEs after it');
      t.equal(t.fault(memory.address), 0, 'fault without a signal');
      t.gpu().failures.plan('lock-page-directory', 'EINTR');
    } else t.equal(t.fault(memory.address), 0, 'fault');
    t.equal(t.ptes(memory), 'rw*512 -*512', 'PTEs after the fault');
    // The signal is still pending.
    t.equal(t.trySet(memory.range(CHUNK_2M), { prefetchLocation: 'device' }), -EINTR, 'prefetch');
    t.equal(t.ptes(memory), 'rw*512 -*512', 'PTEs after the prefetch');
  });

/** Maps areas next to each other: 'r rw' is a read-only block in front of a writable one. */
function areas(t: CaseContext, layout: string): { memory: ReturnType<CaseContext['map']>; parts: string[] } {
  const parts = layout.split(' ');
  const memory = region(t, parts.length * CHUNK_2M);
  for (const [block, letters] of parts.entries()) if (letters === 'r') memory.protect('r', block * CHUNK_2M, CHUNK_2M);
  return { memory, parts };
}

commitGroup
  .case(
    'read-only-fallback',
    'a read-only VMA makes a prefetch read-only: from there on to its end (V4), or in that VMA',
  )
  .source('spec/03-gpu-ranges §B.3; quirk Q49')
  .parameters(
    parameters()
      .combine('layout', ['rw', 'r', 'r rw', 'rw r', 'r rw rw', 'rw r rw', 'rw rw r', 'r r rw'])
      .combine('calls', ['one', 'one-each']),
  )
  .needs('introspection')
  .run((t, { layout, calls }) => {
    const { memory, parts } = areas(t, layout);
    if (calls === 'one') t.set(memory, { prefetchLocation: 'device' });
    else
      for (const block of parts.keys()) t.set(memory.range(block * CHUNK_2M, CHUNK_2M), { prefetchLocation: 'device' });
    const firstReadOnly = parts.indexOf('r');
    for (const [block, letters] of parts.entries()) {
      const writable =
        letters === 'rw' &&
        (calls === 'one-each' || firstReadOnly < 0 || block < firstReadOnly || t.can('read-only-retry'));
      t.equal(
        t.ptes(memory.range(block * CHUNK_2M, CHUNK_2M)),
        `${writable ? 'rw' : 'r'}*512`,
        `PTEs of area ${block}`,
      );
    }
  });

commitGroup
  .case('fault-read-only', 'the read-only bit of a fault ends with it: the next fault on a neighbour maps writable')
  .source('spec/03-gpu-ranges §B.3')
  .needs(...NEEDS_TIME)
  .run((t) => {
    const memory = region(t, 2 * CHUNK_2M);
    memory.protect('r', 0, CHUNK_2M);
    t.set(memory, { access: 'in-place' });
    t.equal([t.fault(memory.address), t.fault(memory.at(CHUNK_2M))], [0, 0], 'faults');
    t.equal(t.ptes(memory), 'r*512 rw*512', 'PTEs');
  });

commitGroup
  .case(
    'range-over-intervals',
    'a range found for a prefetch is written as a whole, beyond the interval that asked for it (V4); later it is removed before',
  )
  .source('spec/03-gpu-ranges §A.6 step 8, §B.7.1; quirk Q68; spec/revisions §4')
  .needs(...NEEDS_EFFECTS, 'failure-injection')
  .run((t) => {
    const memory = onGpu(t);
    // The split is stored, its invalidation is interrupted: the range stays over both intervals.
    t.gpu().failures.plan('lock-page-directory', 'EINTR');
    t.equal(t.trySet(memory.range(0, MIB), { gpuExecutable: true }), -EINTR, 'SET of the first half');
    t.equal(rangeWords(t, memory), ['0+512 mapped dma'], 'ranges');
    const chunks = Array.from({ length: 16 }, (_, index) => `${index * 16}+16`);
    t.equal(
      effects(t, memory, () => t.set(memory.range(0, MIB), { prefetchLocation: 'device' })),
      t.can('changes-invalidate')
        ? [
            ...['zap 0+512', 'dma- 0+512', 'range- 0+512', 'tlb'],
            ...chunks.flatMap((chunk) => [`range+ ${chunk}`, `dma+ ${chunk}`, `pte ${chunk}`, 'tlb']),
          ]
        : ['pte 0+512', 'tlb'],
      'effects of a prefetch of the first half',
    );
    const beyond = t.can('changes-invalidate') ? 0n : plainPte(t) | 0x10n;
    t.equal(pteAt(t, memory.at(CHUNK_2M - PAGE)), beyond, 'PTE in the second half');
  });

commitGroup
  .case(
    'marked-but-invalid',
    'a range that is marked mapped over pages that went meanwhile is not valid: the next fault collects again',
  )
  .source('spec/03-gpu-ranges §B.9; quirk Q40')
  .needs(...NEEDS_EFFECTS, 'preemption')
  .run((t) => {
    const memory = region(t);
    during(
      t,
      'pte-committed',
      () => memory.discard(),
      () => t.equal(t.fault(memory.address), 0, 'first fault'),
    );
    t.equal(rangeWords(t, memory), ['0+512 mapped'], 'ranges');
    t.advance();
    t.equal(
      effects(t, memory, () => t.fault(memory.address)),
      ['dma+ 0+512', 'pte 0+512'],
      'effects of the next fault',
    );
    t.equal(t.ptes(memory), 'rw*512', 'PTEs');
  });
