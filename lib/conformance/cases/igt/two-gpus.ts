/** IGT xe_multigpu_svm: two GPUs share the memory of one process, each with attributes and page tables of its own. */
import type { CaseContext } from '../../framework/context.ts';
import { CaseGroup } from '../../framework/case.ts';
import type { Mapping } from '../../framework/mapping.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { SvmAttributeType as T } from '../../../uapi/constants.ts';
import type { SvmAttributeName } from '../../../uapi/constants.ts';
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
  store,
} from '../../support/memory.ts';

export const twoGpusGroup = new CaseGroup('igt,two-gpus', 'Two GPUs in the memory of one process (xe_multigpu_svm)');

const ACTORS = ['cpu', 'gpu0', 'gpu1'] as const;
type Actor = (typeof ACTORS)[number];
const PREFETCHES = ['no', 'gpu0', 'gpu1', 'both'] as const;

async function write(t: CaseContext, actor: Actor, mapping: Mapping, offset: number, word: number): Promise<void> {
  if (actor === 'cpu') store(mapping, offset, word);
  else await gpuStore(t, mapping.at(offset), word, actor === 'gpu0' ? 0 : 1);
}

async function read(t: CaseContext, actor: Actor, mapping: Mapping, offset: number): Promise<number> {
  return actor === 'cpu' ? load(mapping, offset) : gpuLoad(t, mapping.at(offset), actor === 'gpu0' ? 0 : 1);
}

function prefetch(t: CaseContext, mapping: Mapping, where: (typeof PREFETCHES)[number]): void {
  for (const index of [0, 1]) {
    if (where === 'both' || where === `gpu${index}`) t.set(mapping, [[T.prefetchLocation, 1]], t.devices[index]);
  }
}

twoGpusGroup
  .case('coherency', 'what one of CPU and GPUs writes, each of them reads, before and after a second write by another')
  .source('IGT xe_multigpu_svm mgpu-coherency-{basic, prefetch}, mgpu-xgpu-access-{basic, prefetch}')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('first', ACTORS)
      .combine('second', ACTORS)
      .combine('prefetched', PREFETCHES)
      .where(({ first, second }) => first !== second),
  )
  .needs('gpu-work', 'two-gpus')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, first, second, prefetched }) => {
    t.setup({ gpus: 2 });
    const mapping = allocate(t, memory, LARGE);
    prefetch(t, mapping, prefetched);
    const before = [faultCount(t, 0), faultCount(t, 1)];
    for (const [round, writer] of [first, second, first].entries()) {
      for (const offset of [0, LARGE - 4]) {
        await write(t, writer, mapping, offset, 0x100 * (round + 1) + offset);
        for (const reader of ACTORS)
          t.equal(
            await read(t, reader, mapping, offset),
            0x100 * (round + 1) + offset,
            `what ${reader} reads in round ${round}`,
          );
      }
    }
    for (const index of [0, 1])
      expectFaults(t, before[index]!, prefetched === 'both' || prefetched === `gpu${index}` ? 0 : 1, index);
  });

twoGpusGroup
  .case('chain', 'two GPUs that hand a buffer to each other and to the CPU lose no word')
  .source('IGT xe_multigpu_svm mgpu-xgpu-access, mgpu-latency-copy')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('size', [4 * KIB, 64 * KIB, LARGE]),
  )
  .needs('gpu-work', 'two-gpus')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size }) => {
    t.setup({ gpus: 2 });
    const mapping = allocate(t, memory, size);
    const other = allocate(t, memory, size);
    const queues = t.devices.map((device) => t.queue(device));
    for (let round = 1; round <= 8; round++) {
      const [from, to] = round % 2 === 1 ? [mapping, other] : [other, mapping];
      await write(t, ACTORS[round % 3]!, from, 0, round);
      await queues[round % 2]!.copy(to.address, from.address, 64);
      await queues[(round + 1) % 2]!.write(to.at(4), Uint8Array.of(round));
      t.equal([load(to, 0), load(to, 4)], [round, round], `what the CPU reads in round ${round}`);
      t.equal(
        [await gpuLoad(t, to.at(4), 0), await gpuLoad(t, to.at(4), 1)],
        [round, round],
        `what the GPUs read in round ${round}`,
      );
    }
  });

/** A value of each attribute that is not the default. */
const VALUES = [
  ['preferredLocation', 1],
  ['prefetchLocation', 1],
  ['access', 0],
  ['granularity', 3],
  ['hostAccess', 0],
  ['coherent', 0],
  ['extCoherent', 1],
  ['hiveLocal', 1],
  ['gpuReadOnly', 1],
  ['gpuExecutable', 1],
  ['gpuReadMostly', 1],
] as const satisfies readonly (readonly [SvmAttributeName, number])[];

twoGpusGroup
  .case('attributes', 'attributes that are set through one GPU are not those of the other')
  .source('IGT xe_multigpu_svm: an address space for each GPU; spec/06-lifecycle §1')
  .parameters(
    parameters()
      .combine(
        'attribute',
        VALUES.map(([name]) => name),
      )
      .combine('through', [0, 1]),
  )
  .needs('two-gpus')
  .run((t, { attribute, through }) => {
    t.setup({ gpus: 2 });
    const memory = t.map(pages(16));
    const value = VALUES.find(([name]) => name === attribute)![1];
    const [one, other] = [t.devices[through]!, t.devices[1 - through]!];
    const before = t.get(memory, [T[attribute]], other);
    t.set(memory, [[T[attribute], value]], one);
    t.equal(t.get(memory, [T[attribute]], one), [value], 'value of the GPU it was set through');
    t.equal(t.get(memory, [T[attribute]], other), before, 'value of the other GPU');
    t.ok(before[0] !== value, 'the value is not the default');
  });

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
  .run(async (t, { flag, on, by, memory }) => {
    t.setup({ gpus: 2 });
    const mapping = allocate(t, memory, LARGE);
    store(mapping, 0, 1);
    for (const index of [0, 1]) t.set(mapping, [[T[flag], index === on ? 1 : 0]], t.devices[index]);
    if (by === 'prefetch') prefetch(t, mapping, 'both');
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

twoGpusGroup
  .case('conflicting-locations', 'contradicting preferred locations move nothing away from the other GPU')
  .source('IGT xe_multigpu_svm mgpu-*-conflict')
  .parameters(parameters().combine('zero', [0, 1, 0xffff_ffff]).combine('one', [0, 1, 0xffff_ffff]))
  .needs('gpu-work', 'two-gpus')
  .run(async (t, { zero, one }) => {
    t.setup({ gpus: 2 });
    const mapping = t.map(LARGE);
    const before = [faultCount(t, 0), faultCount(t, 1)];
    for (let round = 0; round < 4; round++) {
      t.set(mapping, [[T.preferredLocation, round % 2 === 0 ? zero : one]], t.devices[0]);
      t.set(mapping, [[T.preferredLocation, round % 2 === 0 ? one : zero]], t.devices[1]);
      await gpuStore(t, mapping.address, round, round % 2);
      t.equal(
        [load(mapping, 0), await gpuLoad(t, mapping.address, 0), await gpuLoad(t, mapping.address, 1)],
        [round, round, round],
        `words in round ${round}`,
      );
    }
    for (const index of [0, 1]) expectFaults(t, before[index]!, 1, index);
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
  .needs('gpu-work', 'two-gpus', 'introspection', 'gpu-fault', 'virtual-clock')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { event, mapped, memory }) => {
    t.setup({ gpus: 2 });
    const mapping = allocate(t, memory, LARGE);
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
    const length = half ? pages(256) : LARGE;
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
  .case('split-on-one', 'a change of attributes through one GPU takes nothing from the other')
  .source('spec/03-gpu-ranges §B.10; spec/06-lifecycle §1')
  .parameters(
    parameters()
      .combine('attribute', ['gpuReadOnly', 'gpuExecutable', 'granularity', 'access', 'coherent'])
      .combine('through', [0, 1]),
  )
  .needs('gpu-work', 'two-gpus', 'introspection')
  .run(async (t, { attribute, through }) => {
    t.setup({ gpus: 2 });
    const mapping = t.map(LARGE);
    for (const index of [0, 1]) await gpuStore(t, mapping.address, 4, index);
    const before = faultCount(t, 1 - through);
    t.set(
      mapping.range(0, pages(16)),
      [[T[attribute], attribute === 'access' || attribute === 'coherent' ? 0 : 1]],
      t.devices[through],
    );
    t.equal(t.ptes(mapping.range(0, pages(16)), { device: through }), '-*16', 'PTEs of the GPU it went through');
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

twoGpusGroup
  .case('close-one', 'when one GPU is closed the other keeps its mappings, and gets the events')
  .source('spec/06-lifecycle §6')
  .parameters(parameters().combine('closed', [0, 1]).combine('memory', MEMORY))
  .needs('gpu-work', 'two-gpus')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { closed, memory }) => {
    t.setup({ gpus: 2 });
    const mapping = allocate(t, memory, LARGE);
    for (const index of [0, 1]) await gpuStore(t, mapping.at(index * 64), 30 + index, index);
    const kept = 1 - closed;
    const before = faultCount(t, kept);
    t.devices[closed]!.close();
    t.equal(
      [await gpuLoad(t, mapping.at(0), kept), await gpuLoad(t, mapping.at(64), kept)],
      [30, 31],
      'what the other GPU reads',
    );
    expectFaults(t, before, 0, kept);
    mapping.unmap();
    await t.throws(() => gpuLoad(t, mapping.address, kept), 'ERR_SVM_GPU_FAULT', 'read of memory that was given back');
  });

for (const [name, reason] of [
  ['atomic-op', 'needs atomic operations of a shader: mgpu-atomic-op-{basic, prefetch, conflict}'],
  ['concurrent-access', 'needs commands of two GPUs that run at the same time: mgpu-concurrent-access'],
  ['migration', 'V4 has no migration to memory of the GPU: mgpu-migration-{basic, prefetch}'],
  ['latency', 'measures the link between two GPUs; the clock of the emulator has no such times: mgpu-latency'],
] as const) {
  twoGpusGroup.case(name, `xe_multigpu_svm: ${name}`).source('IGT xe_multigpu_svm').unimplemented(reason);
}
