/** IGT xe_exec_system_allocator: its sections (how memory is allocated) times its shapes (how much work there is). */
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import type { Mapping } from '../../framework/mapping.ts';
import { pairwise, parameters } from '../../framework/parameters.ts';
import {
  allocate,
  bytesOf,
  chunkAt,
  expectFaults,
  expectSomeFaults,
  faultCount,
  gpuLoad,
  gpuStore,
  load,
  MEMORY,
  memoryNeeds,
  prefetchToGpu,
  store,
  waitForCollector,
} from '../../support/memory.ts';
import type { Memory } from '../../support/memory.ts';
import { CHUNK_2M, KIB, MIB } from '../../support/units.ts';

export const execGroup = new CaseGroup(
  'igt,exec',
  'A command reads an operand and stores it, the CPU waits for its flag: sections and shapes of xe_exec_system_allocator',
);

/** Number of commands and bytes of one allocation; the slots of the commands spread over it. */
const SHAPES = {
  once: [1, 4 * KIB],
  'once-large': [1, CHUNK_2M],
  twice: [2, 4 * KIB],
  'twice-large': [2, CHUNK_2M],
  many: [128, 8 * KIB],
  'many-stride-256': [128, 32 * KIB],
  'many-64k': [128, 64 * KIB],
  'many-large': [128, CHUNK_2M],
  'unaligned-1536k': [8, 1.5 * MIB],
} as const;
type Shape = keyof typeof SHAPES;
const SHAPE_NAMES = Object.keys(SHAPES) as Shape[];

/** One buffer for all; unmapped after each command; unmapped and mapped at the same place; a new one for each command, the old ones kept. */
const LIFETIMES = ['one', 'free', 'free-same-place', 'new'] as const;
type Lifetime = (typeof LIFETIMES)[number];

interface Section {
  readonly memory: Memory;
  readonly lifetime: Lifetime;
  /** Whether the CPU writes the operand, or the GPU is the first to touch the page. */
  readonly cpuFirst: boolean;
  readonly flag?: 'same-page' | 'own-page';
  readonly prefetch?: 'no' | 'device' | 'system';
  /** Preferred location of the whole buffer: never set, or another one for each command. */
  readonly preferred?: 'unset' | 'swizzle';
}

const [OPERAND, FLAG, DONE] = [4, 8, 0xd0_0e];
const PREFERRED = [1, 0, 0xffff_ffff];

/** A buffer and the GPU ranges that accesses to it have made, each by one fault. */
class WorkBuffer {
  readonly mapping: Mapping;
  readonly #chunks = new Set<number>();
  readonly #prefetched: boolean;

  constructor(mapping: Mapping, prefetched: boolean) {
    this.mapping = mapping;
    this.#prefetched = prefetched;
  }

  /** The GPU touches the byte at `offset`; gives the faults that this costs. */
  touch(offset: number): number {
    const [start] = chunkAt(offset, this.mapping.size);
    if (this.#prefetched || this.#chunks.has(start)) return 0;
    this.#chunks.add(start);
    return 1;
  }
}

/** Pages of a file that the GPU wants in its memory: the prefetch is refused, and a fault is never served (spec/migration §5). */
async function cannotMove(t: CaseContext, section: Section, size: number): Promise<boolean> {
  if (!t.movesPages || section.memory !== 'file') return false;
  if (section.prefetch !== 'device' && section.preferred !== 'swizzle') return false;
  const mapping = allocate(t, section.memory, size);
  if (section.prefetch === 'device') prefetchToGpu(t, mapping, section.memory);
  else t.set(mapping, { preferredLocation: 'device' });
  t.require('work-after-fault');
  await t.throws(() => gpuLoad(t, mapping.address), 'ERR_SVM_GPU_FAULT', 'GPU read of a page that cannot move');
  return true;
}

function makeBuffer(t: CaseContext, section: Section, size: number, address: bigint | undefined): WorkBuffer {
  const mapping = allocate(t, section.memory, size, address === undefined ? {} : { address });
  if (section.prefetch === 'device') t.set(mapping, { prefetchLocation: 'device' });
  if (section.prefetch === 'system') t.set(mapping, { prefetchLocation: 'system' });
  return new WorkBuffer(mapping, section.prefetch === 'device');
}

async function runSection(t: CaseContext, section: Section, shape: Shape): Promise<void> {
  const [count, size] = SHAPES[shape];
  const { lifetime, cpuFirst } = section;
  if (await cannotMove(t, section, size)) return;
  const ownFlag = section.flag === 'own-page' ? new WorkBuffer(t.map(4 * KIB), false) : undefined;
  const queue = t.queue();
  const kept: [Mapping, number, number][] = [];
  const before = faultCount(t);
  let [expected, address, buffer]: [number, bigint | undefined, WorkBuffer | undefined] = [0, undefined, undefined];
  for (let index = 0; index < count; index++) {
    buffer ??= makeBuffer(t, section, size, lifetime === 'free-same-place' ? address : undefined);
    const { mapping } = buffer;
    ({ address } = mapping);
    const slot = index * (size / count);
    const value = 0xc0de_0000 + index;
    const flags = ownFlag ?? buffer;
    const flag = ownFlag === undefined ? slot + FLAG : 0;
    if (section.preferred === 'swizzle') t.set(mapping, { preferredLocation: PREFERRED[index % 3]! });
    expected += buffer.touch(slot) + flags.touch(flag);
    // A page that nobody wrote in this life of the buffer reads as zeros, whatever was at its address before.
    if (index < 2) t.equal(await gpuLoad(t, mapping.at(slot)), 0, `word of command ${index} before it runs`);
    if (cpuFirst) {
      mapping.write(slot, bytesOf(0, value));
      await queue.copy(mapping.at(slot), mapping.at(slot + OPERAND), 4);
    } else {
      await queue.fill(mapping.at(slot), value, 4);
    }
    await queue.fill(flags.mapping.at(flag), DONE, 4);
    t.equal(load(flags.mapping, flag), DONE, `flag of command ${index}`);
    t.equal(load(mapping, slot), value, `word of command ${index}`);
    kept.push([mapping, slot, value]);
    store(flags.mapping, flag, 0);
    if (lifetime === 'one') continue;
    if (lifetime !== 'new') {
      mapping.unmap();
      kept.pop();
    }
    // Else a fault could meet the interval of the mapping that is gone, see reuse-at-once.
    if (lifetime === 'free-same-place') waitForCollector(t, mapping);
    buffer = undefined;
  }
  for (const [mapping, slot, value] of kept) t.equal(load(mapping, slot), value, 'a word that was stored before');
  // One for each GPU range, none for memory that was prefetched; more where a change takes the pages away.
  if (section.preferred === 'swizzle' && section.prefetch !== 'device' && t.can('changes-invalidate'))
    expectSomeFaults(t, before);
  else expectFaults(t, before, expected);
  if ((lifetime === 'free' || lifetime === 'free-same-place') && t.can('work-after-fault')) {
    await t.throws(() => gpuLoad(t, address!), 'ERR_SVM_GPU_FAULT', 'GPU read of memory that was given back');
  }
}

const MANY_LIVES: readonly Shape[] = ['twice', 'twice-large', 'many', 'unaligned-1536k'];
const PLACE = (lifetime: Lifetime): 'address-choice'[] => (lifetime === 'free-same-place' ? ['address-choice'] : []);

execGroup
  .case('store', 'every command stores its word where the CPU finds it, and a page costs one fault for each GPU range')
  .source(
    'IGT xe_exec_system_allocator: {once ... many-large} x {malloc, mmap, mmap-shared, mmap-huge} x {-, -free, -new} x {-, -nomemset}',
  )
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('lifetime', LIFETIMES)
      .combine('cpuFirst', [true, false])
      .combine('shape', SHAPE_NAMES)
      // One allocation meets every shape; store-mixed has the rest.
      .where(
        ({ lifetime, shape }) =>
          lifetime === 'one' || MANY_LIVES.includes(shape) || (lifetime === 'new' && shape === 'many-large'),
      ),
  )
  .needs('gpu-work', 'retry-faults')
  .needsAt(({ memory, lifetime }) => [...memoryNeeds(memory), ...PLACE(lifetime)])
  .run((t, { shape, ...section }) => runSection(t, section, shape));

execGroup
  .case(
    'store-mixed',
    'the same with the flag in a page of its own or not, prefetches, and a preferred location that changes with each command',
  )
  .source('IGT xe_exec_system_allocator: sections -race, -prefetch, -prefetch-sys, -madvise')
  .parameters(
    pairwise({
      memory: MEMORY,
      lifetime: LIFETIMES,
      cpuFirst: [true, false],
      flag: ['same-page', 'own-page'],
      prefetch: ['no', 'device', 'system'],
      preferred: ['unset', 'swizzle'],
      shape: SHAPE_NAMES,
    }),
  )
  .needs('gpu-work', 'retry-faults')
  .needsAt(({ memory, lifetime }) => [...memoryNeeds(memory), ...PLACE(lifetime)])
  .run((t, { shape, ...section }) => runSection(t, section, shape));

execGroup
  .case(
    'reuse-at-once',
    'memory that is mapped where the GPU used other memory a moment ago reads as zeros, while the collector has not run',
  )
  .source('IGT xe_exec_system_allocator: sections -free; spec/05-faults §10')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('size', [4 * KIB, 64 * KIB, CHUNK_2M])
      .combine('first', ['read', 'write']),
  )
  .needs('gpu-work', 'retry-faults', 'address-choice')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size, first }) => {
    let address: bigint | undefined;
    for (let life = 1; life <= 5; life++) {
      const mapping = allocate(t, memory, size, address === undefined ? {} : { address });
      ({ address } = mapping);
      if (first === 'read') t.equal(await gpuLoad(t, address), 0, `what the GPU reads at first in life ${life}`);
      await t.queue().fill(address, life, size);
      t.equal([load(mapping, 0), load(mapping, size - 4)], [life, life], `what the CPU reads in life ${life}`);
      mapping.unmap();
    }
  });

/** Bytes from one of the four ranges of a command to the next; the last one puts each into a chunk of its own. */
const DISTANCES = [64, 4 * KIB, 64 * KIB, CHUNK_2M] as const;

execGroup
  .case('multi-fault', 'one command that writes four ranges has all of them served')
  .source('IGT xe_exec_system_allocator: sections -multi-fault')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('distance', DISTANCES)
      .combine('cpuFirst', [true, false])
      .combine('prefetch', ['no', 'half', 'all']),
  )
  .needs('gpu-work', 'retry-faults')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, distance, cpuFirst, prefetch }) => {
    const size = 4 * CHUNK_2M;
    const mapping = allocate(t, memory, size);
    if (cpuFirst) for (let index = 0; index < 4; index++) store(mapping, index * distance, 7);
    if (prefetch !== 'no' && !prefetchToGpu(t, mapping.range(0, prefetch === 'all' ? size : size / 2), memory)) return;
    const before = faultCount(t);
    const queue = t.queue();
    // Given to the queue at once: nothing waits in between.
    const writes = [0, 1, 2, 3].map((index) => queue.fill(mapping.at(index * distance), 0xfa_0000 + index, 64));
    await queue.idle();
    await Promise.all(writes);
    for (let index = 0; index < 4; index++) {
      t.equal(load(mapping, index * distance), 0xfa_0000 + index, `first word of range ${index}`);
      t.equal(load(mapping, index * distance + 60), 0xfa_0000 + index, `last word of range ${index}`);
    }
    const chunks = [0, 1, 2, 3].map((index) => Math.floor((index * distance) / CHUNK_2M));
    const unserved = new Set(chunks.filter((chunk) => prefetch === 'no' || (prefetch === 'half' && chunk >= 2)));
    expectFaults(t, before, unserved.size);
  });

execGroup
  .case('bytes', 'a GPU write of any length and place changes these bytes and no other')
  .source('IGT xe_exec_system_allocator: data compared after each command')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('offset', [0, 1, 4095, 65_535, CHUNK_2M - 1, CHUNK_2M])
      .combine('length', [1, 2, 4096, 4097, 70_000]),
  )
  .needs('gpu-work', 'retry-faults')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, offset, length }) => {
    const mapping = allocate(t, memory, 2 * CHUNK_2M);
    const guard = offset === 0 ? 0 : 1;
    mapping.write(offset - guard, new Uint8Array(length + guard + 1).fill(0xee));
    const data = Uint8Array.from({ length }, (_, index) => (index * 7 + offset) & 0xff);
    await t.queue().write(mapping.at(offset), data);
    t.equal(mapping.read(offset, length), data, 'bytes that the CPU reads');
    t.equal(await t.queue().read(mapping.at(offset), length), data, 'bytes that the GPU reads');
    if (guard > 0) t.equal(mapping.read(offset - 1, 1)[0], 0xee, 'byte before');
    t.equal(mapping.read(offset + length, 1)[0], 0xee, 'byte after');
  });

execGroup
  .case('evict', 'ranges that need twice the memory of the GPU go there one after the other, and no word is lost')
  .source('IGT xe_exec_system_allocator: evict-malloc, evict-malloc-mix-bo')
  .parameters(
    parameters()
      .combine('memory', ['anon', 'huge'])
      .combine('size', [64 * KIB, CHUNK_2M]),
  )
  .needs('vram', 'gpu-work', 'retry-faults')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size }) => {
    t.setup({ vram: 8 * MIB });
    const { total } = t.vram();
    const count = (2 * total) / size;
    const ranges: Mapping[] = [];
    for (let index = 0; index < count; index++) {
      const mapping = allocate(t, memory, size);
      ranges.push(mapping);
      // All of it: what nobody touched goes page by page, and comes back so.
      mapping.write(0, new Uint8Array(size).fill(index));
      store(mapping, 0, index + 1);
      prefetchToGpu(t, mapping, memory);
      await gpuStore(t, mapping.at(size - 4), index + 2);
    }
    t.equal(t.vram().free, 0, 'free bytes of the memory of the GPU');
    for (const [index, mapping] of ranges.entries())
      t.equal([load(mapping, 0), load(mapping, size - 4)], [index + 1, index + 2], `words of range ${index}`);
    t.equal(t.vram().free, total, 'free bytes when all is back');
  });

for (const [name, reason] of [
  ['threads', 'needs threads that share the mappings: every shape x {threads, threads-shared-vm}'],
  ['processes', 'needs several processes with a device each'],
  ['busy', 'the ioctl of V4 has no bindings whose removal could be refused with EBUSY'],
  ['atomic', 'needs atomic operations of a shader'],
  ['private-file', 'the copy-on-write pages of a private file mapping are not modelled'],
  ['cpu-fault-contention', 'needs CPU threads and processes that fault on one page: fault-benchmark'],
  ['eu-fault', 'needs a kernel that runs on the shaders: eu-fault 4k, 64k, 2m'],
] as const) {
  execGroup
    .case(name, `xe_exec_system_allocator: ${name}`)
    .source('IGT xe_exec_system_allocator')
    .unimplemented(reason);
}
