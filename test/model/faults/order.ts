/** The order in which the fault handler looks at things, and who is asked at all. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EINVAL, ENOMEM, EPERM } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  answerOf,
  answerWhileClosing,
  answerWithoutContext,
  effects,
  intervals,
  mapAgain,
  NEEDS_EFFECTS,
  NEEDS_FAULTS,
  onGpu,
  rangeWords,
  region,
} from '../support/scene.ts';
import { CHUNK_2M, PAGE } from '../../../lib/conformance/support/units.ts';

export const orderGroup = new CaseGroup(
  'faults,order',
  'The order of the checks of a fault, and the VM layer around them (spec/05-faults §1, §2, §5, §7)',
);

orderGroup
  .case('pasid', 'a fault of an unknown PASID is refused, whatever its address')
  .source('spec/05-faults §2 step 1')
  .parameters(parameters().combine('pasid', [0, 1, 0x8000, 0x8002, 0xffff]).combine('mapped', [false, true]))
  .needs(...NEEDS_FAULTS)
  .run((t, { pasid, mapped }) => {
    const memory = region(t);
    if (!mapped) memory.unmap();
    t.equal(t.gpu().fault({ address: memory.address, write: false, pasid }), answerWithoutContext(t), 'fault');
    t.equal([t.ptes(memory), t.state().attributes], ['-*512', []], 'PTEs and intervals');
    t.equal(t.fault(memory.address), 0, 'fault of the own PASID');
    t.equal(t.ptes(memory), mapped ? 'rw*512' : '-*512', 'PTEs then');
  });

orderGroup
  .case('no-context', 'a fault for a file without a context is refused')
  .source('spec/05-faults §2 step 1')
  .needs(...NEEDS_EFFECTS, 'lazy-context')
  .run((t) => {
    t.setup({ compute: false });
    const memory = region(t);
    t.equal(
      answerOf(t, () => t.fault(memory.address)),
      [answerWithoutContext(t), 'no-context'],
      'answer without a context',
    );
    t.set(memory, { access: 'in-place' });
    t.equal(
      answerOf(t, () => t.fault(memory.address)),
      [0, 'mapped'],
      'answer with one',
    );
  });

orderGroup
  .case('closing-first', 'a closing context refuses before the filter, the address or the permission is looked at')
  .source('spec/05-faults §2 steps 2 and 4; quirk Q61')
  .parameters(parameters().combine('what', ['mapped', 'stale', 'no-vma', 'forbidden']))
  .needs(...NEEDS_EFFECTS, 'interrupt-ring')
  .run((t, { what }) => {
    const memory = onGpu(t, 2 * CHUNK_2M);
    if (what === 'stale') {
      t.gpu().setInterruptRing('soft', true, 5_000);
      memory.unmap(CHUNK_2M, CHUNK_2M);
    }
    if (what === 'no-vma') memory.unmap();
    if (what === 'forbidden') memory.protect('-');
    const [file] = t.gpu().files;
    t.gpu().closeContext(file!);
    t.equal(
      answerOf(t, () => t.fault(memory.address, { timestamp: 4_000 })),
      [answerWhileClosing(t), 'closing'],
      'answer',
    );
    t.equal(t.state().checkpoint, what === 'stale' ? 5_000 : 0, 'checkpoint');
  });

orderGroup
  .case('collector-first', 'the collection comes before the permission check: its error wins')
  .source('spec/05-faults §5 steps 1 and 2')
  .parameters(parameters().combine('what', ['forbidden', 'mapped', 'no-vma']))
  .needs(...NEEDS_EFFECTS, 'failure-injection')
  .needs('unmap-clears-attributes')
  .run((t, { what }) => {
    const memory = region(t, 3 * CHUNK_2M);
    const other = region(t);
    t.set(memory, { access: 'in-place' });
    t.set(other, { access: 'in-place' });
    t.equal(t.fault(memory.at(CHUNK_2M)), 0, 'fault');
    memory.unmap(CHUNK_2M, CHUNK_2M);
    if (what === 'forbidden') other.protect('-');
    if (what === 'no-vma') other.unmap();
    t.gpu().failures.plan('clear-split', 'ENOMEM');
    t.equal(
      answerOf(t, () => t.fault(other.address)),
      [-ENOMEM, 'collector-failed'],
      'answer',
    );
    t.equal(t.ptes(other), '-*512', 'PTEs');
  });

orderGroup
  .case(
    'lookup-before-collector',
    'the interval is looked up before the collection, which may trim it: a legal access is killed (V4)',
  )
  .source('spec/05-faults §4, §5 step 1, §10; quirk Q33; spec/revisions §4')
  .parameters(parameters().combine('collected', [false, true]).combine('block', [0, 1]))
  .needs(...NEEDS_EFFECTS, 'deferred-work', 'address-choice')
  .run((t, { collected, block }) => {
    const memory = region(t, 3 * CHUNK_2M);
    t.set(memory, { access: 'in-place' });
    t.equal(t.fault(memory.at(block * CHUNK_2M)), 0, 'fault');
    memory.unmap(block * CHUNK_2M, CHUNK_2M);
    mapAgain(t, memory, block * CHUNK_2M, CHUNK_2M);
    if (collected) t.equal(t.collect(), 1, 'collectors');
    t.equal(
      answerOf(t, () => t.fault(memory.at(block * CHUNK_2M))),
      collected || t.can('attributes-survive-unmap') ? [0, 'mapped'] : [-EINVAL, 'no-range'],
      'answer',
    );
    const left =
      block === 0
        ? [[512, 1535]]
        : [
            [0, 511],
            [1024, 1535],
          ];
    const made = [block * 512, block * 512 + 511];
    const expected = (collected ? [...left, made] : left).toSorted(([one], [other]) => one! - other!);
    t.equal(
      intervals(t, memory).map(([first, last]) => [first, last]),
      t.can('attributes-survive-unmap') ? [[0, 1535]] : expected,
      'intervals',
    );
  });

orderGroup
  .case(
    'permission-before-range',
    'permission is checked before a range is looked for: EPERM wins over the error of the VMA or the bounds',
  )
  .source('spec/05-faults §5 steps 2 and 3')
  .parameters(parameters().combine('what', ['pfnmap', 'wrapped-interval']))
  .needs(...NEEDS_EFFECTS, 'special-mapping', 'address-choice')
  .run((t, { what }) => {
    const memory = region(t);
    t.equal(
      t.trySet(
        { address: memory.address, size: what === 'pfnmap' ? CHUNK_2M : (1n << 64n) - memory.address },
        { access: 'in-place' },
      ),
      0,
      'SET',
    );
    memory.unmap();
    t.machine.process.mmap({
      address: memory.address,
      size: CHUNK_2M,
      protection: 'r',
      kind: what === 'pfnmap' ? 'pfnmap' : 'anon',
    });
    t.equal(
      answerOf(t, () => t.fault(memory.address, { write: true })),
      [-EPERM, 'no-permission'],
      'write',
    );
    t.equal(answerOf(t, () => t.fault(memory.address))[1], 'no-range', 'read');
  });

orderGroup
  .case('window-before-validity', 'the window is looked at before the flags of the range are compared')
  .source('spec/05-faults §5 steps 4 and 6')
  .needs(...NEEDS_EFFECTS)
  .run((t) => {
    const memory = region(t);
    t.equal(t.fault(memory.address), 0, 'fault');
    t.equal(
      answerOf(t, () => t.fault(memory.address)),
      [0, 'recently-mapped'],
      'answer at once',
    );
    t.advance();
    t.equal(
      answerOf(t, () => t.fault(memory.address)),
      [0, 'already-valid'],
      'answer later',
    );
  });

orderGroup
  .case('beyond-the-end', 'an address beyond the mirrored addresses is refused')
  .source('spec/03-gpu-ranges §A.6 step 1; spec/05-faults §7')
  .parameters(parameters().combine('vaBits', [40, 44, 47, 48]).combine('pages', [-1, 1, 512]))
  .needs(...NEEDS_EFFECTS, 'configuration', 'address-choice')
  .run((t, { vaBits, pages }) => {
    t.setup({ machine: { vaBits } });
    const end = 1n << BigInt(vaBits);
    const memory = t.map(3 * CHUNK_2M, { address: end - BigInt(CHUNK_2M) });
    const answer = answerOf(t, () => t.fault(end + BigInt(pages * PAGE)));
    t.equal(answer, pages > 0 ? [-EINVAL, 'no-range'] : [0, 'mapped'], 'answer');
    t.equal(t.ptes(memory), pages === -1 ? 'rw*512 -*1024' : '-*1536', 'PTEs');
  });

orderGroup
  .case('effects', 'the parts of a fault come in order: interval, notifier, range, DMA, PTEs')
  .source('spec/05-faults §4, §5; spec/03-gpu-ranges §A.6, §A.8')
  .needs(...NEEDS_EFFECTS)
  .run((t) => {
    const memory = region(t);
    const names = [
      'attributes-changed',
      'notifier-inserted',
      'range-inserted',
      'dma-mapped',
      'ptes-written',
      'fault',
      'tlb-flushed',
    ] as const;
    const seen = effects(t, memory, () => t.equal(t.fault(memory.address), 0, 'fault'), names);
    t.equal(
      seen.map((word) => word.split(' ')[0]),
      ['attributes-changed', 'notifier+', 'range+', 'dma+', 'pte', 'fault'],
      'effects',
    );
    t.equal(rangeWords(t, memory), ['0+512 mapped dma'], 'ranges');
  });
