/** Effects of an operation as the few slices that a Chrome trace shows of them. */
import type { TraceEffect } from './effect-recorder.ts';
import { hex, hexAddress } from './hex.ts';

/** Pages with PTE flags, 0 where flags are not meant. */
export interface FlaggedPages {
  readonly startPage: number;
  readonly pages: number;
  readonly flags: bigint;
}

/** One slice: an effect, or several of one kind. */
export interface ShownEffect {
  readonly name: string;
  readonly title: string;
  /** What it stands for, one entry for each effect. */
  readonly parts: readonly FlaggedPages[];
  /** Of a preemption point: its name. */
  readonly text: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** What a slice begins with: the words of the kernel for the kinds of the format. */
const TITLES: Readonly<Record<string, string>> = {
  'notifier+': 'notifier inserted',
  'notifier-': 'notifier removed',
  'range+': 'range inserted',
  'range-': 'range removed',
  pte: 'PTEs written',
  zap: 'PTEs zapped',
  tlb: 'TLB flush',
  'dma+': 'DMA mapped',
  'dma-': 'DMA unmapped',
  'gc+': 'queued for collection',
};

/** Slices per operation; beyond, one more for each kind, so that no trace grows without bounds. */
const MOST_SLICES = 8;

interface Slice {
  readonly name: string;
  readonly text: string;
  readonly parts: FlaggedPages[];
}

/** Effects in order; neighbours of a kind (and of equal PTE flags) are one slice. */
export function mergedEffects(effects: readonly TraceEffect[]): ShownEffect[] {
  const slices: Slice[] = [];
  const rest = new Map<string, Slice>();
  let shown = 0;
  for (const effect of effects) {
    const name = String(effect[0]);
    const part = pagesOf(effect);
    const last = slices[slices.length - 1];
    // Marks of preemption points hold the nesting together: each of them shows.
    if (name === 'inject' || name === 'inject-end') {
      slices.push({ name, text: name === 'inject' ? String(effect[1]) : '', parts: [] });
    } else if (last !== undefined && last.name === name && last.parts[0]?.flags === part.flags) {
      last.parts.push(part);
    } else if (shown < MOST_SLICES) {
      slices.push({ name, text: '', parts: [part] });
      shown++;
    } else {
      const slice = rest.get(name);
      if (slice === undefined) rest.set(name, { name, text: '', parts: [part] });
      else slice.parts.push(part);
    }
  }
  return [
    ...slices.map((slice) => shownEffect(slice, '')),
    ...Array.from(rest.values(), (slice) => shownEffect(slice, 'more: ')),
  ];
}

function shownEffect({ name, text, parts }: Slice, prefix: string): ShownEffect {
  const title = `${prefix}${TITLES[name] ?? name}${parts.length > 1 ? ` x${parts.length}` : ''}`;
  if (name === 'tlb' || parts.length === 0) return { name, title, parts: [], text, args: {} };
  const start = Math.min(...parts.map((part) => part.startPage));
  const pages = parts.reduce((sum, part) => sum + part.pages, 0);
  const flags = parts[0]!.flags;
  return {
    name,
    title,
    parts,
    text,
    args: { addr: hexAddress(start), pages, ...(flags === 0n ? {} : { flags: hex(flags) }) },
  };
}

/** The pages that an effect is about. */
export function pagesOf(effect: TraceEffect): FlaggedPages {
  const [name, first, second, third] = effect;
  switch (name) {
    case 'notifier+':
    case 'notifier-':
    case 'range+':
    case 'range-':
      return { startPage: page(first), pages: page(second) - page(first), flags: 0n };
    case 'dma+':
    case 'dma-':
      return { startPage: page(first), pages: Number(second), flags: 0n };
    case 'pte':
      return { startPage: Number(first), pages: Number(second), flags: BigInt(third as string) };
    case 'zap':
      return { startPage: Number(first), pages: Number(second), flags: 0n };
    case 'gc+':
      return { startPage: Number(first), pages: Number(second) - Number(first) + 1, flags: 0n };
    default:
      return { startPage: 0, pages: 0, flags: 0n };
  }
}

function page(address: string | number | undefined): number {
  return Number(BigInt(address ?? 0) >> 12n);
}
