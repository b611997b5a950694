/** IGT xe_multigpu_svm: two GPUs share the memory of one process, each with attributes and page tables of its own. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
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
} from '../../../lib/conformance/support/memory.ts';
import { prefetch } from '../../../lib/conformance/support/two-gpus.ts';
import { CHUNK_2M } from '../../../lib/conformance/support/units.ts';

export const twoGpusGroup = new CaseGroup('igt,two-gpus', 'Two GPUs in the memory of one process (xe_multigpu_svm)');

twoGpusGroup
  .case('conflicting-flags', 'each GPU maps the memory by its own attributes, even if they contradict each other')
  .source('IGT xe_multigpu_svm *-conflict; spec/03-gpu-ranges §B.2')
  .parameters(
    parameters()
      .combine('flag', ['gpuReadOnly', 'gpuExecutable'])
      .combine('on', [0, 1])
      .combine('by', ['fault', 'prefetch'])
      .combine('memory', MEMORY),
  )
  .needs('gpu-work', 'two-gpus', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .needs('retry-faults')
  .run(async (t, { flag, on, by, memory }) => {
    t.setup({ gpus: 2 });
    const mapping = allocate(t, memory, CHUNK_2M);
    store(mapping, 0, 1);
    for (const index of [0, 1]) t.set(mapping, { [flag]: index === on ? 1 : 0 }, t.devices[index]);
    if (by === 'prefetch' && !prefetch(t, mapping, 'both', memory)) return;
    for (const index of [0, 1]) t.equal(await gpuLoad(t, mapping.address, index), 1, `what GPU ${index} reads`);
    t.equal(
      t.ptes(mapping, { device: on }),
      `${flag === 'gpuReadOnly' ? 'r' : 'rwx'}*512`,
      'PTEs of the GPU with the flag',
    );
    t.equal(t.ptes(mapping, { device: 1 - on }), 'rw*512', 'PTEs of the other GPU');
    await gpuStore(t, mapping.address, 2, 1 - on);
    t.equal(
      [load(mapping, 0), await gpuLoad(t, mapping.address, on)],
      [2, 2],
      'what the CPU and the GPU with the flag read',
    );
    if (flag === 'gpuReadOnly')
      await t.throws(
        () => gpuStore(t, mapping.address, 3, on),
        'ERR_SVM_GPU_FAULT',
        'write of the GPU that may only read',
      );
    t.equal(load(mapping, 0), 2, 'what the CPU reads at last');
  });

const EVENTS = ['unmap', 'unmap-half', 'discard', 'discard-half', 'read-only', 'no-access'] as const;

twoGpusGroup
  .case('events', 'what happens to the memory reaches every GPU that has it mapped')
  .source('IGT xe_multigpu_svm; spec/04-invalidation-and-gc §1')
  .parameters(
    parameters()
      .combine('event', EVENTS)
      .combine('mapped', ['gpu0', 'gpu1', 'both'])
      .combine('memory', ['anon', 'file']),
  )
  .needs('gpu-work', 'two-gpus', 'introspection', 'fault-handler', 'virtual-clock')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { event, mapped, memory }) => {
    t.setup({ gpus: 2 });
    const mapping = allocate(t, memory, CHUNK_2M);
    const users = [0, 1].filter((index) => mapped === 'both' || mapped === `gpu${index}`);
    for (const index of users) await gpuStore(t, mapping.address, 6, index);
    for (const index of [0, 1])
      t.equal(
        t.ptes(mapping, { device: index }),
        users.includes(index) ? 'rw*512' : '-*512',
        `PTEs of GPU ${index} before`,
      );
    const flushes = [0, 1].map((index) => t.state(index).counters.tlb);
    const half = event.endsWith('-half');
    const length = half ? pages(256) : CHUNK_2M;
    if (event.startsWith('unmap')) mapping.unmap(0, length);
    else if (event.startsWith('discard')) mapping.discard(0, length);
    else mapping.protect(event === 'read-only' ? 'r' : '-');
    for (const index of [0, 1]) {
      t.equal(
        t.ptes(mapping.range(0, length), { device: index }),
        `-*${length / 4096}`,
        `PTEs of GPU ${index} afterwards`,
      );
      t.equal(
        t.state(index).counters.tlb - flushes[index]!,
        users.includes(index) ? 1 : 0,
        `TLB flushes of GPU ${index}`,
      );
    }
    t.advance();
    for (const index of [0, 1]) {
      const { outcome } = t.access(mapping.address, 4, { device: index }).runs[0]!;
      t.equal(
        outcome,
        event.startsWith('unmap') || event === 'no-access' ? 'failed' : 'faulted',
        `read of GPU ${index}`,
      );
    }
  });

twoGpusGroup
  .case(
    'split-on-one',
    'a change of attributes through one GPU takes nothing from the other; from V5 on GRANULARITY takes nothing at all',
  )
  .source('spec/03-gpu-ranges §B.10; spec/06-lifecycle §1; spec/revisions §4')
  .parameters(
    parameters()
      .combine('attribute', ['gpuReadOnly', 'gpuExecutable', 'granularity', 'access', 'coherent'])
      .combine('through', [0, 1]),
  )
  .needs('gpu-work', 'two-gpus', 'introspection')
  .needs('retry-faults')
  .run(async (t, { attribute, through }) => {
    t.setup({ gpus: 2 });
    const mapping = t.map(CHUNK_2M);
    for (const index of [0, 1]) await gpuStore(t, mapping.address, 4, index);
    const before = faultCount(t, 1 - through);
    t.set(
      mapping.range(0, pages(16)),
      { [attribute]: attribute === 'access' || attribute === 'coherent' ? 0 : 1 },
      t.devices[through],
    );
    const kept = t.can('changes-invalidate') && attribute === 'granularity';
    t.equal(
      t.ptes(mapping.range(0, pages(16)), { device: through }),
      kept ? 'rw*16' : '-*16',
      'PTEs of the GPU it went through',
    );
    t.equal(
      [t.ptes(mapping, { device: 1 - through }), t.ranges(mapping, 1 - through).length],
      ['rw*512', 1],
      'PTEs and GPU ranges of the other',
    );
    t.equal(
      [await gpuLoad(t, mapping.address, 1 - through), await gpuLoad(t, mapping.address, through)],
      [4, 4],
      'what the GPUs read',
    );
    expectFaults(t, before, 0, 1 - through);
  });
