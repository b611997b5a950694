/** What several files, GPUs and the exit of the process do to SVM contexts. */
import { SvmDevice } from '../../../lib/device/index.ts';
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EFAULT } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  answerOf,
  answerWithoutContext,
  effects,
  intervals,
  NEEDS_COLLECTOR,
  NEEDS_EFFECTS,
  pteAt,
  region,
} from '../support/scene.ts';
import { CHUNK_2M, PAGE } from '../../../lib/conformance/support/units.ts';

export const contextSharingGroup = new CaseGroup(
  'lifecycle,context',
  'Creation, closing and end of an SVM context (spec/06-lifecycle §2, §5, §6, §8, §12)',
);

contextSharingGroup
  .case(
    'exit',
    'the exit of the process zaps and collects what is on the GPU; attributes of other memory stay, from V5 on all',
  )
  .source('spec/06-lifecycle §12; spec/04-invalidation-and-gc §3; spec/revisions §4')
  .parameters(parameters().combine('blocks', [0, 1, 2]))
  .needs(...NEEDS_COLLECTOR, 'process-exit')
  .run((t, { blocks }) => {
    const memory = region(t, 2 * CHUNK_2M);
    t.set(memory, { gpuExecutable: true });
    for (let block = 0; block < blocks; block++) t.equal(t.fault(memory.at(block * CHUNK_2M)), 0, 'fault');
    const names = ['notifier-called', 'ptes-zapped', 'tlb-flushed'] as const;
    const seen = effects(t, memory, () => t.machine.process.exit(), names).map((word) =>
      word
        .split(' ')
        .slice(0, word.startsWith('event') ? 2 : undefined)
        .join(' '),
    );
    const zaps = ['zap 0+512', 'zap 512+512'].slice(0, blocks);
    // RELEASE is ignored.
    t.equal(seen, blocks === 0 ? [] : ['event release', 'event unmap', ...zaps, 'tlb'], 'effects');
    t.equal(t.collect(), blocks === 0 ? 0 : 1, 'collectors');
    const left = t.can('attributes-survive-unmap') ? 0 : blocks;
    t.equal(intervals(t, memory), left === 2 ? [] : [[left * 512, 1023, 0x23]], 'intervals');
    t.equal(t.trySet(memory, { access: 'in-place' }), -EFAULT, 'SET');
    if (t.can('get-walks-vmas')) t.equal(t.tryGet(memory, ['gpuExecutable']), -EFAULT, 'GET');
    else t.has(memory, { gpuExecutable: blocks === 0 }, 'GET');
    t.equal(answerOf(t, () => t.fault(memory.at(CHUNK_2M)))[0], 0, 'fault');
    t.equal([t.state().ranges, t.state().notifiers, t.ptes(memory)], [[], [], '-*1024'], 'what is left');
  });

contextSharingGroup
  .case(
    'files',
    'each file has attributes, ranges and page table of its own; an event reaches all, the end of one leaves the others',
  )
  .source('spec/06-lifecycle §1, §6.5')
  .parameters(parameters().combine('end', ['none', 'first', 'second']))
  .needs(...NEEDS_EFFECTS, 'several-files')
  .run((t, { end }) => {
    const memory = region(t);
    const second = SvmDevice.open({ backend: 'emulated', emulator: t.gpu() });
    t.onEnd(() => second.close());
    t.set(memory, { gpuReadOnly: true });
    t.set(memory, { gpuExecutable: true }, second);
    t.equal(
      [t.get(memory, ['gpuReadOnly', 'gpuExecutable']), t.get(memory, ['gpuReadOnly', 'gpuExecutable'], second)],
      [
        [1, 0],
        [0, 1],
      ],
      'attributes',
    );
    const pasids = t.gpu().files.map((file) => file.vm.pasid);
    t.ok(pasids[0] !== pasids[1], 'the PASIDs differ');
    for (const pasid of pasids) t.equal(t.gpu().fault({ address: memory.address, write: false, pasid }), 0, 'fault');
    const flags = (file: number): bigint[] => t.state(0, file).ptes.map((run) => run.flags & 0xffn);
    t.equal([flags(0), flags(1)], [[0x27n], [0x77n]], 'PTEs');
    if (end !== 'none') {
      (end === 'first' ? t.device : second).close();
      t.equal(t.machine.snapshot().devices[0]!.files.length, 1, 'open files');
      t.equal(
        t.gpu().fault({ address: memory.address, write: false, pasid: pasids[end === 'first' ? 0 : 1]! }),
        answerWithoutContext(t),
        'fault of the closed file',
      );
    }
    t.equal(
      effects(t, memory, () => memory.discard(), ['ptes-zapped', 'tlb-flushed']),
      Array.from({ length: end === 'none' ? 2 : 1 }, () => ['zap 0+512', 'tlb']).flat(),
      'effects of an event',
    );
    t.equal(t.state().ptes, [], 'PTEs of the file that is left');
  });

contextSharingGroup
  .case('gpus', 'each GPU has attributes, ranges and collector of its own')
  .source('spec/06-lifecycle §1')
  .needs(...NEEDS_COLLECTOR, 'two-gpus')
  .run((t) => {
    t.setup({ gpus: 2 });
    const memory = region(t);
    t.set(memory, { gpuReadOnly: true }, t.devices[1]);
    t.equal([t.get(memory, ['gpuReadOnly']), t.get(memory, ['gpuReadOnly'], t.devices[1])], [[0], [1]], 'GPU_RO');
    t.equal([t.fault(memory.address), t.fault(memory.address, { device: 1 })], [0, 0], 'faults');
    t.equal([t.ptes(memory), t.ptes(memory, { device: 1 })], ['rw*512', 'r*512'], 'PTEs');
    memory.unmap(0, PAGE);
    t.equal([pteAt(t, memory.address), pteAt(t, memory.address, 1)], [0n, 0n], 'PTE of the unmapped page');
    t.set(memory.range(PAGE, PAGE), { access: 'in-place' });
    t.equal([t.state(0).collectorPending, t.state(1).collectorPending], [0, 1], 'queues after a SET on the first');
    t.equal(t.collect(), 1, 'collectors');
  });
