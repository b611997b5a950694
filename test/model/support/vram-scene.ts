/** What the cases about memory that moves to VRAM share: a machine with VRAM, and what happens in it as words. */
import type { EventName, MachineEvent } from '../../../lib/device/emulated.ts';
import type { CaseContext } from '../../../lib/conformance/framework/context.ts';
import type { Feature } from '../../../lib/conformance/framework/feature.ts';
import type { Mapping, MappingOptions } from '../../../lib/conformance/framework/mapping.ts';
import { PAGE } from '../../../lib/conformance/support/units.ts';

/** A driver that moves memory, on GPUs whose VRAM the case chooses. */
export const NEEDS_VRAM: readonly Feature[] = [
  'moves-memory',
  'retry-faults',
  'fault-handler',
  'introspection',
  'virtual-clock',
  'events',
  'configuration',
];

/** Pages of 64 KiB. */
export const CHUNK = 16;

/** A machine whose GPUs have `pages` pages of VRAM each. */
export function withVram(t: CaseContext, pages: number, options: object = {}): void {
  t.setup({ machine: { vram: pages * PAGE, ...options } });
}

/** Memory that the CPU has written: each page holds its number and `tag`. */
export function filled(t: CaseContext, pages: number, tag = 0, options: MappingOptions = {}): Mapping {
  const memory = t.map(pages * PAGE, options);
  for (let page = 0; page < pages; page++)
    t.machine.process.write(memory.at(page * PAGE), new Uint8Array(PAGE).fill(1 + ((page + tag) % 250)));
  return memory;
}

/** ... and whose preferred location is the GPU. */
export function preferred(t: CaseContext, pages: number, tag = 0, options: MappingOptions = {}): Mapping {
  const memory = filled(t, pages, tag, options);
  t.set(memory, { preferredLocation: 'device' });
  return memory;
}

/** What the CPU reads in each page. */
export function contents(t: CaseContext, memory: Mapping, pages: number): number[] {
  return Array.from({ length: pages }, (_, page) => t.machine.process.read(memory.at(page * PAGE), 1)[0]!);
}

/** What `filled` writes. */
export function filling(pages: number, tag = 0): number[] {
  return Array.from({ length: pages }, (_, page) => 1 + ((page + tag) % 250));
}

/** Where the pages lie: 's' system memory, '-' nowhere, the number of the GPU; runs as 's*16'. */
export function places(t: CaseContext, memory: Mapping, pages: number): string {
  const { space } = t.machine.process;
  const words: string[] = [];
  for (let page = 0; page < pages; page++) {
    const frame = space.pages.frameOf(Number(memory.at(page * PAGE) >> 12n), true);
    words.push(frame === 0 ? '-' : frame < 0x8000_0000 ? 's' : String((frame >>> 28) & 7));
  }
  const runs: string[] = [];
  for (let from = 0; from < pages;) {
    let to = from + 1;
    while (to < pages && words[to] === words[from]) to++;
    runs.push(`${words[from]}*${to - from}`);
    from = to;
  }
  return runs.join(' ');
}

const STORY: Partial<Record<EventName, string>> = {
  'vram-allocated': 'bo+',
  'vram-freed': 'bo-',
  'eviction-began': 'evict',
  'eviction-ended': 'evicted',
  'pages-copied': 'copy',
  'migration-announced': 'event',
  'moved-to-vram': 'tovram',
  'moved-to-ram': 'toram',
  'ptes-written': 'pte',
  'ptes-zapped': 'zap',
  'tlb-flushed': 'tlb',
  retry: 'retry',
};
const IN_VRAM: readonly EventName[] = ['vram-allocated', 'vram-freed', 'eviction-began', 'pages-copied'];

/** What `action` makes the driver do with memory, as words with page numbers: of VRAM, or counted from `memory`. */
export function story(t: CaseContext, memory: Mapping, action: () => void): string[] {
  const seen: string[] = [];
  const stop = t.machine.onAny(
    (each: MachineEvent) => {
      const { name, event } = each;
      const word = STORY[name]!;
      if (name === 'eviction-ended') seen.push(`${word} ${each.event.result}`);
      else if (!('size' in event)) seen.push(word);
      else {
        const base = IN_VRAM.includes(name) ? 0n : memory.address;
        const kind = name === 'migration-announced' ? ` ${each.event.kind}` : '';
        seen.push(`${word}${kind} ${(event.address - base) / 4096n}+${event.size / 4096n}`);
      }
    },
    Object.keys(STORY) as EventName[],
  );
  try {
    action();
  } finally {
    stop();
  }
  return seen;
}
