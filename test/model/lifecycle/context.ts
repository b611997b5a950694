/** Creation, closing and finalisation of a context; when the TLB is flushed; the exit of the process. */
import { hasWithoutMemory } from '../../../lib/conformance/support/without-memory.ts';
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EOPNOTSUPP } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  answerOf,
  answerWhileClosing,
  answerWithoutContext,
  effects,
  moved,
  NEEDS_COLLECTOR,
  NEEDS_EFFECTS,
  NEEDS_FAULTS,
  onGpu,
  rangeWords,
  region,
} from '../support/scene.ts';
import { CHUNK_2M, PAGE } from '../../../lib/conformance/support/units.ts';
import { SvmAttributeType } from '../../../lib/uapi/constants.ts';

export const contextGroup = new CaseGroup(
  'lifecycle,context',
  'Creation, closing and end of an SVM context (spec/06-lifecycle §2, §5, §6, §8, §12)',
);

contextGroup
  .case('lazy', 'the first ioctl makes the context, whatever it asks for; no other one does')
  .source('spec/06-lifecycle §2; quirk Q01')
  .parameters(parameters().combine('call', ['set', 'get', 'operation', 'zero', 'count', 'unaligned']))
  .needs('lazy-context', 'events', 'introspection')
  .run((t, { call }) => {
    t.setup({ compute: false });
    const memory = t.map(PAGE);
    const calls = {
      set: { operation: 0, ...memory.range(), attributes: [[SvmAttributeType.access, 1]] as const },
      get: { operation: 1, ...memory.range(), attributes: [[SvmAttributeType.access, 1]] as const },
      operation: { operation: 7, ...memory.range(), attributes: [[SvmAttributeType.access, 1]] as const },
      zero: { operation: 0, address: 0n, size: 0 },
      count: { operation: 0, ...memory.range() },
      unaligned: { operation: 1, address: 1n, size: 1 },
    };
    const created: boolean[] = [];
    t.onEnd(t.machine.on('context-created', ({ byIoctl }) => void created.push(byIoctl)));
    const { result } = t.ioctl(calls[call]);
    t.equal([result === 0, created], [call === 'set' || call === 'get', [true]], 'success, and contexts made');
    t.set(memory, { access: 'inaccessible' });
    t.equal(created, [true], 'contexts made in the end');
  });

contextGroup
  .case('conversion', 'making the VM a compute VM makes the context; the first ioctl finds it')
  .source('spec/06-lifecycle §2, §5')
  .needs('fault-handler', 'introspection', 'events', 'several-files')
  .run((t) => {
    const created: boolean[] = [];
    t.onEnd(t.machine.on('context-created', ({ byIoctl }) => void created.push(byIoctl)));
    const file = t.gpu().openFile();
    t.ok(file.context !== null && file.vm.compute, 'the file has a context');
    t.equal([file.convertToCompute(), file.computeResult], [0, 0], 'a second conversion');
    const memory = region(t);
    t.equal(
      t.gpu().fault({ address: memory.address, write: false, pasid: file.vm.pasid }),
      0,
      'fault before any ioctl',
    );
    t.equal(file.context!.tree.size, 1, 'intervals of the new context');
    t.equal(
      [t.state().attributes, created.filter((byIoctl) => byIoctl)],
      [[], []],
      'intervals of the other, and contexts made by ioctls',
    );
    t.gpu().releaseFile(file);
  });

contextGroup
  .case('conversion-fails', 'without XNACK the conversion fails, but the VM is marked compute')
  .source('spec/06-lifecycle §5; quirk Q03')
  .parameters(parameters().combine('asic', ['gfx906', 'gfx1100']))
  .needs('introspection', 'configuration', 'several-files')
  .needs('refuses-xnack-off')
  .run((t, { asic }) => {
    t.setup({ machine: { asic, noretry: true } });
    const file = t.gpu().openFile();
    t.equal([file.computeResult, file.vm.compute, file.context], [-EOPNOTSUPP, true, null], 'conversion');
    t.gpu().releaseFile(file);
  });

contextGroup
  .case(
    'not-configured',
    'a kernel without the option refuses every ioctl before it is looked at; the conversion succeeds',
  )
  .source('spec/06-lifecycle §9')
  .parameters(parameters().combine('operation', [0, 1, 7]).combine('asic', ['gfx942', 'gfx1100']))
  .needs(...NEEDS_FAULTS, 'configuration')
  .unrecorded('the trace format has no kernel without SVM')
  .run((t, { operation, asic }) => {
    t.setup({ machine: { svmConfigured: false, asic } });
    const memory = t.map(PAGE);
    t.equal(
      t.ioctl({ operation, ...memory.range(), attributes: { access: 'in-place' } }).result,
      -EOPNOTSUPP,
      'good arguments',
    );
    t.equal(t.ioctl({ operation, address: 1n, size: 0 }).result, -EOPNOTSUPP, 'bad arguments');
    t.equal([t.gpu().files[0]!.computeResult, t.gpu().files[0]!.context], [0, null], 'conversion and context');
    t.equal(t.fault(memory.address), answerWithoutContext(t), 'fault');
  });

contextGroup
  .case(
    'closing',
    'closing waits for the collector; from then on events are ignored and faults refused, while SET and GET work',
  )
  .source('spec/06-lifecycle §6.1; quirks Q11, Q61')
  .parameters(parameters().combine('event', ['discard', 'protect', 'unmap']).combine('pending', [false, true]))
  .needs(...NEEDS_COLLECTOR)
  .run((t, { event, pending }) => {
    const memory = onGpu(t);
    const other = onGpu(t);
    if (pending) other.unmap();
    const file = t.gpu().files[0]!;
    const { gcRuns } = moved(t, ['gcRuns'], () => t.gpu().closeContext(file));
    t.equal(
      [gcRuns, t.state().closing, t.state().collectorPending],
      [pending ? 1 : 0, true, 0],
      'collectors, closing, queue',
    );
    const seen = effects(t, memory, () => {
      if (event === 'discard') memory.discard();
      else if (event === 'protect') memory.protect('r');
      else memory.unmap();
    });
    t.equal(seen, [], 'effects of the event');
    t.equal(t.ptes(memory, { states: false }), 'rw*512', 'PTEs');
    t.equal(rangeWords(t, memory)[0], '0+512 mapped dma', 'range');
    t.equal(
      answerOf(t, () => t.fault(memory.address)),
      [answerWhileClosing(t), 'closing'],
      'answer to a fault',
    );
    if (!pending) t.set(other, { access: 'in-place' });
    if (pending) hasWithoutMemory(t, other, { access: 'allow-migrate' }, 'ACCESS');
    else t.has(other, { access: 'in-place' }, 'ACCESS');
    t.equal(
      moved(t, ['gcRuns'], () => t.gpu().closeContext(file)),
      { gcRuns: 0 },
      'collectors of a second close',
    );
  });

contextGroup
  .case(
    'finalisation',
    'the end removes ranges and DMA mappings in order of addresses, then notifiers; PTEs stay and nothing is flushed',
  )
  .source('spec/06-lifecycle §6.2; spec/03-gpu-ranges §A.15')
  .parameters(
    parameters()
      .combine('blocks', [0, 1, 3])
      .combine('pending', [false, true])
      .where(({ blocks, pending }) => blocks > 0 || !pending),
  )
  .needs(...NEEDS_EFFECTS)
  .run((t, { blocks, pending }) => {
    const memory = blocks === 0 ? t.map(CHUNK_2M) : onGpu(t, blocks * CHUNK_2M);
    t.set(memory, { granularity: 4 });
    if (pending) memory.unmap(0, CHUNK_2M);
    const file = t.gpu().files[0]!;
    let left: unknown;
    const seen = effects(t, memory, () => (left = t.gpu().finaliseContext(file)), [
      'range-removed',
      'dma-unmapped',
      'ptes-zapped',
      'tlb-flushed',
      'context-finalised',
    ]);
    const expected = Array.from({ length: blocks }, (_, block) => [
      ...(pending && block === 0 ? [] : [`dma- ${block * 512}+512`]),
      `range- ${block * 512}+512`,
    ]).flat();
    t.equal(seen, [...expected, 'context-finalised'], 'effects');
    t.equal(left, { ranges: 0, attrs: 0, dmaPages: 0 }, 'what is left');
    const zapped = pending ? 512 : 0;
    const words = [zapped > 0 ? `-*${zapped}` : '', blocks * 512 > zapped ? `rw*${blocks * 512 - zapped}` : '']
      .filter((word) => word !== '')
      .join(' ');
    t.equal(t.ptes(memory, { states: false }), blocks === 0 ? '-*512' : words, 'PTEs');
    t.equal(
      answerOf(t, () => t.fault(memory.address)),
      [answerWithoutContext(t), 'no-context'],
      'answer to a fault',
    );
    t.equal(t.gpu().finaliseContext(file), undefined, 'a second end');
  });

contextGroup
  .case('after-the-end', 'an ioctl after the end makes a new, empty context')
  .source('spec/06-lifecycle §2, §6; spec/trace-format §3')
  .needs(...NEEDS_EFFECTS)
  .run((t) => {
    const memory = onGpu(t);
    t.set(memory, { gpuExecutable: true });
    t.gpu().finaliseContext(t.gpu().files[0]!);
    t.equal(
      t.gpu().vmFault({ address: memory.at(PAGE), write: false }).askedHandler,
      'kfd-svm',
      'who is asked without a context',
    );
    t.has(memory, { gpuExecutable: false }, 'GPU_EXEC');
    t.equal([t.state().closing, t.state().ranges, t.state().attributes], [false, [], []], 'state');
    t.equal(t.fault(memory.address), 0, 'fault');
    t.equal(t.ptes(memory), 'rw*512', 'PTEs');
  });

contextGroup
  .case(
    'tlb',
    'an event that zapped, a split and every commit of a prefetch flush; faults, collection and the end do not',
  )
  .source('spec/06-lifecycle §8')
  .parameters(
    parameters().combine('what', [
      'fault',
      'refault',
      'prefetch',
      'prefetch-valid',
      'discard',
      'discard-again',
      'split',
      'full-cover',
      'collection',
      'end',
      'get',
    ]),
  )
  .needs(...NEEDS_COLLECTOR)
  .run((t, { what }) => {
    const memory = onGpu(t);
    const other = region(t, 2 * CHUNK_2M);
    if (what === 'refault' || what === 'discard-again') memory.discard(0, PAGE);
    if (what === 'collection') memory.unmap();
    if (what === 'prefetch-valid') t.set(memory, { prefetchLocation: 'device' });
    const { tlb } = moved(t, ['tlb'], () => {
      if (what === 'fault') t.equal(t.fault(other.address), 0, 'fault');
      else if (what === 'refault') t.equal(t.fault(memory.address), 0, 'fault');
      else if (what === 'prefetch') t.set(other, { prefetchLocation: 'device' });
      else if (what === 'prefetch-valid') t.set(memory, { granularity: 1 });
      else if (what === 'discard' || what === 'discard-again') memory.discard(PAGE, PAGE);
      else if (what === 'split') t.set(memory.range(0, PAGE), { gpuReadOnly: true });
      else if (what === 'full-cover') t.set(memory, { gpuReadOnly: true });
      else if (what === 'collection') t.equal(t.collect(), 1, 'collectors');
      else if (what === 'end') t.gpu().finaliseContext(t.gpu().files[0]!);
      else t.has(memory, { gpuReadOnly: false }, 'GPU_RO');
    });
    const expected: Readonly<Record<string, number>> = {
      prefetch: 2,
      discard: 1,
      split: 1,
      'full-cover': t.can('changes-invalidate') ? 1 : 0,
    };
    t.equal(tlb, expected[what] ?? 0, 'flushes');
  });
