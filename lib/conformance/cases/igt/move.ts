/** IGT sections -remap: memory moves to another address between two commands, here by mapping, copying and unmapping. */
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import {
  allocate,
  bytesOf,
  gpuLoad,
  gpuStore,
  load,
  MEMORY,
  memoryNeeds,
  store,
  waitForCollector,
} from '../../support/memory.ts';
import { CHUNK_2M, KIB, MIB } from '../../support/units.ts';
import { GpuFaultError } from '../../../device/index.ts';
import type { CaseContext } from '../../framework/context.ts';
import type { Mapping } from '../../framework/mapping.ts';

export const moveGroup = new CaseGroup(
  'igt,move',
  'Memory that moves between two commands (xe_exec_system_allocator -remap)',
);

/** The first fault may find the collector still to run, and be killed by what that trims (spec/07-quirks §Q33). */
async function faultThatCollects(t: CaseContext, mapping: Mapping): Promise<void> {
  try {
    await gpuLoad(t, mapping.address);
  } catch (error) {
    t.ok(error instanceof GpuFaultError, 'what the first access may end with is a fault of the GPU');
  }
}

const SIZES = [4 * KIB, 64 * KIB, 1.5 * MIB, CHUNK_2M] as const;

moveGroup
  .case('carry', 'the GPU finds the words at the new address and nothing at the old one')
  .source('IGT xe_exec_system_allocator sections -remap')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('size', SIZES)
      .combine('by', ['cpu', 'gpu'])
      .combine('check', ['every-move', 'every-other-move']),
  )
  .needs('gpu-work', 'retry-faults')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size, by, check }) => {
    const queue = t.queue();
    let mapping = allocate(t, memory, size);
    for (const [index, offset] of [0, size / 2, size - 16].entries())
      await gpuStore(t, mapping.at(offset), 0x51de + index);
    for (let step = 1; step <= 6; step++) {
      const next = allocate(t, memory, size);
      for (const offset of [0, size / 2, size - 16]) {
        if (by === 'gpu') await queue.copy(next.at(offset), mapping.at(offset), 16);
        else next.write(offset, mapping.read(offset, 16));
      }
      mapping.unmap();
      const old = mapping;
      mapping = next;
      if (check === 'every-other-move' && step % 2 === 1) continue;
      for (const [index, offset] of [0, size / 2, size - 16].entries()) {
        t.equal(await gpuLoad(t, mapping.at(offset)), 0x51de + index, `what the GPU reads after move ${step}`);
        t.equal(load(mapping, offset), 0x51de + index, `what the CPU reads after move ${step}`);
      }
      if (!t.can('work-after-fault')) continue;
      await t.throws(
        () => gpuStore(t, old.at(size - 16), 1),
        'ERR_SVM_GPU_FAULT',
        `GPU write to the old address after move ${step}`,
      );
    }
  });

moveGroup
  .case('swap', "two buffers that change places have each other's words, for the GPU too")
  .source('IGT xe_exec_system_allocator sections -remap')
  .parameters(parameters().combine('memory', MEMORY).combine('size', SIZES).combine('collector', ['pending', 'ran']))
  .needs('gpu-work', 'retry-faults', 'address-choice')
  .needsAt(({ memory, collector }) => [
    ...memoryNeeds(memory),
    ...(collector === 'pending' ? (['work-after-fault'] as const) : []),
  ])
  .run(async (t, { memory, size, collector }) => {
    const old = [allocate(t, memory, size), allocate(t, memory, size)];
    for (const [index, mapping] of old.entries()) {
      // All of it is on the GPU: what leaves then takes its attributes along.
      await t.queue().fill(mapping.address, 0x11 * (index + 1), size);
    }
    const contents = old.map((mapping) => mapping.read(0, 64));
    t.equal(
      contents.map(([first]) => first),
      [0x11, 0x22],
      'what the CPU reads before',
    );
    for (const mapping of old) mapping.unmap();
    if (collector === 'ran') waitForCollector(t, old[0]!);
    const now = old.map(({ address }) => allocate(t, memory, size, { address }));
    for (const [index, mapping] of now.entries()) mapping.write(0, contents[1 - index]!);
    if (collector === 'pending') await faultThatCollects(t, now[0]!);
    for (const [index, mapping] of now.entries()) {
      t.equal<Uint8Array>(
        await t.queue().read(mapping.address, 64),
        contents[1 - index]!,
        `what the GPU reads in buffer ${index}`,
      );
      t.equal(await gpuLoad(t, mapping.at(size - 4)), 0, `last word of buffer ${index}`);
      await gpuStore(t, mapping.address, 0x99);
      t.equal(
        [load(mapping, 0), load(now[1 - index]!, 0)],
        [0x99, index === 0 ? 0x11 : 0x99],
        'words after a GPU write to one of them',
      );
    }
  });

moveGroup
  .case('overlap', 'memory that moves by less than its size keeps its words')
  .source('IGT xe_exec_system_allocator sections -remap')
  .parameters(parameters().combine('memory', MEMORY).combine('by', [1, 16, 17, 256, 511]))
  .needs('gpu-work', 'retry-faults', 'address-choice')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, by }) => {
    // Room for both places.
    const room = allocate(t, memory, 2 * CHUNK_2M);
    room.unmap();
    const mapping = allocate(t, memory, CHUNK_2M, { address: room.address });
    await gpuStore(t, mapping.address, 1);
    await gpuStore(t, mapping.at(pages(511)), 2);
    const ends = [mapping.read(0, 4), mapping.read(pages(511), 4)];
    mapping.unmap();
    waitForCollector(t, mapping);
    const moved = allocate(t, memory, CHUNK_2M, { address: mapping.at(pages(by)) });
    moved.write(0, ends[0]!);
    moved.write(pages(511), ends[1]!);
    t.equal(
      [await gpuLoad(t, moved.address), await gpuLoad(t, moved.at(pages(511)))],
      [1, 2],
      'what the GPU reads at the new place',
    );
    await gpuStore(t, moved.at(pages(100)), 3);
    t.equal(
      [load(moved, 0), load(moved, pages(100)), load(moved, pages(511))],
      [1, 3, 2],
      'what the CPU reads at the new place',
    );
    if (t.can('work-after-fault'))
      await t.throws(() => gpuLoad(t, mapping.address), 'ERR_SVM_GPU_FAULT', 'read of the part that was left');
  });

moveGroup
  .case('attributes-stay', 'attributes do not move along; they stay behind where the GPU never was (V4), or always')
  .source('spec/07-quirks §Q26; spec/revisions §7')
  .parameters(
    parameters()
      .combine('used', [false, true])
      .combine('memory', MEMORY)
      .combine('size', [64 * KIB, CHUNK_2M]),
  )
  .needs('gpu-work', 'retry-faults', 'address-choice')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { used, memory, size }) => {
    const mapping = allocate(t, memory, size);
    t.set(mapping, { gpuExecutable: true, granularity: 4 });
    if (used) await gpuStore(t, mapping.address, 7);
    else store(mapping, 0, 7);
    const moved = allocate(t, memory, size);
    moved.write(0, mapping.read(0, 4));
    mapping.unmap();
    waitForCollector(t, mapping);
    t.has(moved, { gpuExecutable: false, granularity: 9 }, 'attributes at the new address');
    t.equal(await gpuLoad(t, moved.address), 7, 'what the GPU reads at the new address');
    const later = allocate(t, memory, size, { address: mapping.address });
    const left = t.get(later, ['gpuExecutable', 'granularity']);
    if (t.can('attributes-survive-unmap'))
      t.equal(left, [1, 4], 'attributes of the memory that came to the old address');
    else if (used) t.equal(left, [0, 9], 'attributes of the memory that came to the old address');
    else
      t.shows(
        'Q26',
        { quirk: left[0] === 1 && left[1] === 4, correct: left[0] === 0 && left[1] === 9 },
        'attributes of the memory that came to the old address',
      );
    t.equal(await gpuLoad(t, later.address), 0, 'what the GPU reads at the old address');
  });

moveGroup
  .case('many', 'memory that moves 32 times between two places keeps the words of CPU and GPU')
  .source('IGT xe_exec_system_allocator many-*-remap')
  .parameters(parameters().combine('memory', MEMORY).combine('size', SIZES))
  .needs('gpu-work', 'retry-faults', 'address-choice')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size }) => {
    let mapping = allocate(t, memory, size);
    let free: bigint | undefined;
    for (let step = 0; step < 32; step++) {
      const next = allocate(t, memory, size, free === undefined ? {} : { address: free });
      const slots = mapping.read(0, 256);
      next.write(0, slots);
      mapping.unmap();
      waitForCollector(t, mapping);
      free = mapping.address;
      mapping = next;
      if (step % 2 === 0) await gpuStore(t, mapping.at(step * 4), step);
      else mapping.write(step * 4, bytesOf(step));
    }
    for (let step = 0; step < 32; step++)
      t.equal([load(mapping, step * 4), await gpuLoad(t, mapping.at(step * 4))], [step, step], `word of move ${step}`);
  });
