/** IGT xe_multigpu_svm: two GPUs share the memory of one process, each with attributes and page tables of its own. */
import type { CaseContext } from '../../framework/context.ts';
import { CaseGroup } from '../../framework/case.ts';
import type { Mapping } from '../../framework/mapping.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import type { SvmAttributeName } from '../../../uapi/constants.ts';
import {
  allocate,
  expectFaults,
  expectSomeFaults,
  faultCount,
  gpuLoad,
  gpuStore,
  load,
  MEMORY,
  memoryNeeds,
  store,
} from '../../support/memory.ts';
import { PREFETCHES, prefetch } from '../../support/two-gpus.ts';
import { EFAULT } from '../../support/errno.ts';
import { CHUNK_2M, KIB, MIB } from '../../support/units.ts';
import { allAre } from '../../support/distinct.ts';

export const twoGpusGroup = new CaseGroup('igt,two-gpus', 'Two GPUs in the memory of one process (xe_multigpu_svm)');

const ACTORS = ['cpu', 'gpu0', 'gpu1'] as const;

type Actor = (typeof ACTORS)[number];

async function write(t: CaseContext, actor: Actor, mapping: Mapping, offset: number, word: number): Promise<void> {
  if (actor === 'cpu') store(mapping, offset, word);
  else await gpuStore(t, mapping.at(offset), word, actor === 'gpu0' ? 0 : 1);
}

async function read(t: CaseContext, actor: Actor, mapping: Mapping, offset: number): Promise<number> {
  return actor === 'cpu' ? load(mapping, offset) : gpuLoad(t, mapping.at(offset), actor === 'gpu0' ? 0 : 1);
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
  .needs('gpu-work', 'retry-faults', 'two-gpus')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, first, second, prefetched }) => {
    t.setup({ gpus: 2 });
    const mapping = allocate(t, memory, CHUNK_2M);
    if (!prefetch(t, mapping, prefetched, memory)) return;
    const before = [faultCount(t, 0), faultCount(t, 1)];
    for (const [round, writer] of [first, second, first].entries()) {
      for (const offset of [0, CHUNK_2M - 4]) {
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
      .combine('size', [4 * KIB, 64 * KIB, CHUNK_2M]),
  )
  .needs('gpu-work', 'retry-faults', 'two-gpus')
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
    const before = t.get(memory, [attribute], other);
    t.set(memory, { [attribute]: value }, one);
    t.has(memory, { [attribute]: value }, 'value of the GPU it was set through', one);
    t.equal(t.get(memory, [attribute], other), before, 'value of the other GPU');
    // Without XNACK the default access is one of the values.
    if (t.can('retry-faults')) t.ok(before[0] !== value, 'the value is not the default');
  });

twoGpusGroup
  .case('conflicting-locations', 'contradicting preferred locations move nothing away from the other GPU')
  .source('IGT xe_multigpu_svm mgpu-*-conflict')
  .parameters(parameters().combine('zero', [0, 1, 0xffff_ffff]).combine('one', [0, 1, 0xffff_ffff]))
  .needs('gpu-work', 'retry-faults', 'two-gpus')
  .run(async (t, { zero, one }) => {
    t.setup({ gpus: 2 });
    const mapping = t.map(CHUNK_2M);
    const before = [faultCount(t, 0), faultCount(t, 1)];
    for (let round = 0; round < 4; round++) {
      t.set(mapping, { preferredLocation: round % 2 === 0 ? zero : one }, t.devices[0]);
      t.set(mapping, { preferredLocation: round % 2 === 0 ? one : zero }, t.devices[1]);
      await gpuStore(t, mapping.address, round, round % 2);
      t.equal(
        [load(mapping, 0), await gpuLoad(t, mapping.address, 0), await gpuLoad(t, mapping.address, 1)],
        [round, round, round],
        `words in round ${round}`,
      );
    }
    for (const index of [0, 1]) {
      if (t.can('changes-invalidate') && zero !== one) expectSomeFaults(t, before[index]!, index);
      else expectFaults(t, before[index]!, 1, index);
    }
  });

twoGpusGroup
  .case('close-one', 'when one GPU is closed the other keeps its mappings, and gets the events')
  .source('spec/06-lifecycle §6')
  .parameters(parameters().combine('closed', [0, 1]).combine('memory', MEMORY))
  .needs('gpu-work', 'retry-faults', 'two-gpus')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { closed, memory }) => {
    t.setup({ gpus: 2 });
    const mapping = allocate(t, memory, CHUNK_2M);
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
    if (t.can('work-after-fault'))
      await t.throws(
        () => gpuLoad(t, mapping.address, kept),
        'ERR_SVM_GPU_FAULT',
        'read of memory that was given back',
      );
  });

twoGpusGroup
  .case('migration', 'memory of one GPU moves to the other when that one is to have it, and keeps every word')
  .source('IGT xe_multigpu_svm mgpu-migration-{basic, prefetch}; spec/migration §7')
  .parameters(
    parameters()
      .combine('how', ['prefetch', 'fault'])
      .combine('size', [64 * KIB, CHUNK_2M])
      .combine('back', ['cpu', 'gpu0'])
      // Pages that lie with the first do not count as present: a fault of the second takes one, or a whole 2 MiB.
      .where(({ how, size }) => how === 'prefetch' || size === CHUNK_2M),
  )
  .needs('vram', 'two-gpus', 'gpu-work', 'retry-faults')
  .run(async (t, { how, size, back }) => {
    t.setup({ gpus: 2, vram: 8 * MIB });
    const mapping = t.map(size);
    // All of it: what nobody touched goes page by page, and comes back so.
    mapping.write(0, new Uint8Array(size).fill(7));
    store(mapping, 0, 1);
    const taken = (): number[] => [0, 1].map((gpu) => t.vram(gpu).total - t.vram(gpu).free);
    const want = async (gpu: number): Promise<void> => {
      if (how === 'prefetch') return t.set(mapping, { prefetchLocation: 'device' }, t.devices[gpu]);
      t.set(mapping, { preferredLocation: 'device' }, t.devices[gpu]);
      await gpuStore(t, mapping.at(4), gpu + 2, gpu);
    };
    await want(0);
    t.equal(taken(), [size, 0], 'bytes taken when the first has it');
    await want(1);
    t.equal(taken(), [0, size], 'bytes taken when the second has it');
    await gpuStore(t, mapping.at(8), 9, 1);
    if (back === 'gpu0') {
      // The change takes the pages from GPU 0, which has the old value else.
      t.set(mapping, { prefetchLocation: 'system', preferredLocation: 'undefined' }, t.devices[0]);
      t.set(mapping, { prefetchLocation: 'device' }, t.devices[0]);
      t.equal(taken(), [size, 0], 'bytes taken when the first has it again');
    }
    t.equal([load(mapping, 0), load(mapping, 8)], [1, 9], 'words that the CPU reads');
    // The second GPU took it page by page: those that lie with the first do not count as present.
    t.ok(allAre(mapping.read(16, size - 16), 7), 'the other bytes are as they were');
    t.equal(taken(), [0, 0], 'bytes taken when it is home');
  });

twoGpusGroup
  .case('hive', 'in one hive the second GPU cannot take over the pages of the first: its prefetch is refused')
  .source('spec/migration §1, §7')
  .parameters(parameters().combine('size', [64 * KIB, CHUNK_2M]))
  .needs('vram', 'hive', 'two-gpus', 'gpu-work', 'retry-faults', 'work-after-fault')
  .run(async (t, { size }) => {
    t.setup({ gpus: 2, vram: 8 * MIB, hive: true });
    const mapping = t.map(size);
    mapping.write(0, new Uint8Array(size).fill(7));
    store(mapping, 0, 1);
    t.set(mapping, { prefetchLocation: 'device' }, t.devices[0]);
    t.equal(t.trySet(mapping, { prefetchLocation: 'device' }, t.devices[1]), -EFAULT, 'result of the second prefetch');
    t.equal(t.vram(0).total - t.vram(0).free, size, 'bytes that the first GPU holds');
    t.equal(t.vram(1).free, t.vram(1).total, 'free bytes of the second');
    await t.throws(() => gpuLoad(t, mapping.address, 1), 'ERR_SVM_GPU_FAULT', 'read by the second GPU');
    t.equal(load(mapping, 0), 1, 'word that the CPU reads');
    t.set(mapping, { prefetchLocation: 'system' }, t.devices[1]);
    t.set(mapping, { prefetchLocation: 'device' }, t.devices[1]);
    t.equal(await gpuLoad(t, mapping.address, 1), 1, 'word that the second GPU reads from then on');
  });

for (const [name, reason] of [
  ['atomic-op', 'needs atomic operations of a shader: mgpu-atomic-op-{basic, prefetch, conflict}'],
  ['concurrent-access', 'needs commands of two GPUs that run at the same time: mgpu-concurrent-access'],
  ['latency', 'measures the link between two GPUs; the clock of the emulator has no such times: mgpu-latency'],
] as const) {
  twoGpusGroup.case(name, `xe_multigpu_svm: ${name}`).source('IGT xe_multigpu_svm').unimplemented(reason);
}
