/** What the cases about GPU ranges, invalidation, faults and the life of a context share: memory, pictures, effects. */
import { formatGcVersion } from '../../../lib/device/emulated.ts';
import type { ContextSnapshot, EventName, MachineEvent, PreemptionPoint } from '../../../lib/device/emulated.ts';
import { ConformanceFailure } from '../../../lib/conformance/framework/check.ts';
import type { CaseContext } from '../../../lib/conformance/framework/context.ts';
import type { Feature } from '../../../lib/conformance/framework/feature.ts';
import type { Mapping, MappingOptions } from '../../../lib/conformance/framework/mapping.ts';
import { EAGAIN, ENOMEM, EOPNOTSUPP } from '../../../lib/conformance/support/errno.ts';
import { CHUNK_2M, PAGE } from '../../../lib/conformance/support/units.ts';

/** Bytes of a notifier's window. */
export const WINDOW = 512 << 20;
/** The border of two windows, with nothing mapped around it (feature 'address-choice'). */
export const BORDER = 0x2_0000_0000n;

/** Raising faults and looking at what they leave. */
export const NEEDS_FAULTS: readonly Feature[] = ['fault-handler', 'introspection'];
/** ... with time passing. */
export const NEEDS_TIME: readonly Feature[] = ['fault-handler', 'introspection', 'virtual-clock'];
/** ... and with the effects of the driver in their order. */
export const NEEDS_EFFECTS: readonly Feature[] = [...NEEDS_TIME, 'events'];
/** ... and with the moment at which the collector runs. */
export const NEEDS_COLLECTOR: readonly Feature[] = [...NEEDS_EFFECTS, 'deferred-work'];

/** PTE flags of system memory by memory type, writable (spec/03-gpu-ranges §B.2); without 0x40 read-only, with 0x10 executable. */
export const PTE = {
  NC: 0x67n,
  RW: 0x0200_0000_0000_0067n,
  CC: 0x0400_0000_0000_0067n,
  UC: 0x0600_0000_0000_0067n,
} as const;
export const MI300 = ['9.4.3', '9.4.4', '9.5.0'] as const;

/** The memory type of system memory by GPU and coherence attributes (spec/03-gpu-ranges §B.2, first table). */
export function memoryTypeOf(
  gc: string,
  apu: boolean,
  nodes: number,
  local: number,
  coherent: boolean,
  ext: boolean,
): keyof typeof PTE {
  if (!(MI300 as readonly string[]).includes(gc)) return coherent || ext ? 'UC' : 'NC';
  if (apu && nodes === 1) return ext ? 'CC' : local === 1 ? 'NC' : local === 2 ? 'CC' : 'RW';
  if (apu) return ext ? 'UC' : 'NC';
  if (gc === '9.5.0') return ext ? 'UC' : 'NC';
  return 'UC';
}

/** The writable PTE of memory with the default flags, or without COHERENT, on the GPU at hand (feature 'introspection'). */
export function plainPte(t: CaseContext, { coherent = true } = {}): bigint {
  const { models, numaNodes, mtypeLocal } = t.machine.options;
  const [model] = models;
  return PTE[memoryTypeOf(formatGcVersion(model!.gc), model!.apu, numaNodes, mtypeLocal, coherent, false)];
}

/** What a range remembers of its PTE flags: nothing from V6 on, where pages of one range can differ (spec/revisions §4). */
export function keptPteFlags(t: CaseContext, flags: bigint): bigint | undefined {
  return t.perRevision({ v4: flags, v7: undefined, 'v7-xnack-off': undefined, v8: undefined });
}

/** The answer to a fault of which the SVM knows no context (spec/revisions §5). */
export function answerWithoutContext(t: CaseContext): number {
  return t.perRevision({ v4: -EOPNOTSUPP, v7: -EOPNOTSUPP, 'v7-xnack-off': -EOPNOTSUPP, v8: 0 });
}

/** The answer to a fault while the context is being closed (spec/revisions §5). */
export function answerWhileClosing(t: CaseContext): number {
  return t.perRevision({ v4: -EAGAIN, v7: -EAGAIN, 'v7-xnack-off': -EOPNOTSUPP, v8: 0 });
}

/** The answer to a fault for which pages cannot be obtained for want of memory (spec/revisions §5). */
export function answerWithoutMemory(t: CaseContext): readonly [result: number, reason: string] {
  const swallowed = [0, 'pages-unavailable'] as const;
  return t.perRevision<readonly [number, string]>({
    v4: swallowed,
    v7: swallowed,
    'v7-xnack-off': swallowed,
    v8: [-ENOMEM, 'no-memory'],
  });
}

export const WRITEABLE = 0x40n;
export const EXECUTABLE = 0x10n;
/** The PTE of an access that was killed (spec/05-faults §1). */
export const NO_RETRY = 0x0140_0000_0000_0010n;

/** Memory whose pages the CPU has all written (feature 'introspection'). */
export function region(t: CaseContext, size: number = CHUNK_2M, options: MappingOptions = {}): Mapping {
  const memory = t.map(size, options);
  t.machine.process.touch(memory.address, size, true);
  return memory;
}

/** Maps the pages again that were unmapped, at the same place, and lets the CPU write them. */
export function mapAgain(t: CaseContext, memory: Mapping, offset = 0, size: number = memory.size - offset): void {
  t.machine.process.mmap({ address: memory.at(offset), size });
  t.machine.process.touch(memory.at(offset), size, true);
}

/** A region that the GPU has mapped for writing, longer ago than the 2 ms window. */
export function onGpu(t: CaseContext, size: number = CHUNK_2M, options: MappingOptions = {}): Mapping {
  const memory = region(t, size, options);
  const { result, faults } = t.access(memory.address, size, { write: true });
  t.equal([result, faults > 0], [0, true], 'the first access of the GPU');
  t.equal(t.ptes(memory), `rw*${size / PAGE}`, 'PTEs of the region on the GPU');
  t.advance();
  return memory;
}

type Place = { readonly address: bigint };

/** All GPU ranges: 'first page+pages flags', pages counted from `base`. */
export function rangeWords(t: CaseContext, base: Place, device = 0): string[] {
  return t.state(device).ranges.map((range) => {
    const flags = [
      range.mapped ? ' mapped' : '',
      range.dmaMapped ? ' dma' : '',
      range.unmapped ? ' unmapped' : '',
      range.partiallyUnmapped ? ' partial' : '',
      range.queued ? ' queued' : '',
    ];
    return `${pageSpan(base, range.start, range.end - range.start)}${flags.join('')}`;
  });
}

/** All attribute intervals as [first page, last page, flag mask], pages counted from `base`. */
export function intervals(t: CaseContext, base: Place, device = 0): [number, number, number][] {
  const first = Number(base.address >> 12n);
  return t
    .state(device)
    .attributes.map(({ firstPage, lastPage, flags }): [number, number, number] => [
      firstPage - first,
      lastPage - first,
      flags,
    ]);
}

/** The flags of the PTE at an address, 0n without one. */
export function pteAt(t: CaseContext, address: bigint, device = 0): bigint {
  const page = Number(address >> 12n);
  return (
    t.state(device).ptes.find(({ startPage, pages }) => page >= startPage && page < startPage + pages)?.flags ?? 0n
  );
}

type CounterName = keyof ContextSnapshot['counters'];

/** By how much `action` moves the counters named. */
export function moved<const Name extends CounterName>(
  t: CaseContext,
  names: readonly Name[],
  action: () => void,
): Record<Name, number> {
  const before = t.state().counters;
  action();
  const after = t.state().counters;
  return Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as Record<Name, number>;
}

// The words of the trace format.
const WORDS: Partial<Record<EventName, string>> = {
  'notifier-inserted': 'notifier+',
  'notifier-removed': 'notifier-',
  'range-inserted': 'range+',
  'range-removed': 'range-',
  'ptes-written': 'pte',
  'ptes-zapped': 'zap',
  'zap-failed': 'zap-failed',
  'tlb-flushed': 'tlb',
  'dma-mapped': 'dma+',
  'dma-unmapped': 'dma-',
  'collection-queued': 'gc+',
  collected: 'collected',
  'notifier-called': 'event',
  retry: 'retry',
  'commit-failed': 'commit-failed',
};
/** What the driver does to the GPU and to its objects. */
const EFFECTS: readonly EventName[] = [
  'range-inserted',
  'range-removed',
  'ptes-written',
  'ptes-zapped',
  'zap-failed',
  'tlb-flushed',
  'dma-mapped',
  'dma-unmapped',
  'collection-queued',
];

/** What `action` makes the driver do, in order, as 'zap 0+1': first page counted from `base`, and pages (feature 'events'). */
export function effects(
  t: CaseContext,
  base: Place,
  action: () => void,
  names: readonly EventName[] = EFFECTS,
): string[] {
  const seen: string[] = [];
  const stop = t.machine.onAny((each: MachineEvent) => {
    const word = WORDS[each.name] ?? each.name;
    const kind = each.name === 'notifier-called' ? ` ${each.event.kind}` : '';
    seen.push('size' in each.event ? `${word}${kind} ${pageSpan(base, each.event.address, each.event.size)}` : word);
  }, names);
  try {
    action();
  } finally {
    stop();
  }
  return seen;
}

/** Why the fault handler answers what it answers: [result, reason] (feature 'events'). */
export function answerOf(t: CaseContext, action: () => void): [number, string] {
  const answers: [number, string][] = [];
  const stop = t.machine.on('fault', ({ result, reason }) => void answers.push([result, reason]));
  try {
    action();
  } finally {
    stop();
  }
  const [answer] = answers;
  if (answer === undefined || answers.length > 1)
    throw new ConformanceFailure(`expected one answer of the fault handler, got ${answers.length}`);
  return answer;
}

/** Runs `inner` when `point` is passed for the `pass`th time in `outer`; it has to be passed (feature 'preemption'). */
export function during<Result>(
  t: CaseContext,
  point: PreemptionPoint,
  inner: () => void,
  outer: () => Result,
  pass = 1,
): Result {
  let ran = false;
  const remove = t.machine.at(
    point,
    () => {
      ran = true;
      inner();
    },
    { pass },
  );
  let result: Result;
  try {
    result = outer();
  } finally {
    remove();
  }
  t.ok(ran, `the point ${point} is passed`);
  return result;
}

function pageSpan(base: Place, address: bigint, size: bigint): string {
  return `${(address - base.address) / 4096n}+${size / 4096n}`;
}
