/** Effects of an operation as the few slices that a Chrome trace shows of them. */
import { errnoName } from '../../uapi/errno.ts';
import type { TraceEffect } from '../effects/form.ts';
import type { FlaggedPages } from '../effects/descriptor.ts';
import { effectOf, pagesOf } from '../effects/index.ts';
import { hex, hexAddress } from '../format/hex.ts';

/** One slice: an effect, or several of one kind. */
export interface ShownEffect {
  readonly name: string;
  readonly gpu: number;
  readonly title: string;
  /** What it stands for, one entry for each effect. */
  readonly parts: readonly FlaggedPages[];
  /** Of a preemption point: its name. Of a stop or a resumption of queues: the errno with which it failed, '' if it did not. */
  readonly text: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** When the first of it was told, in ns; 0: nobody knows. */
  readonly time: number;
}

/** Slices per operation; beyond, one more for each kind, so that no trace grows without bounds. */
const MOST_SLICES = 8;
/** As many where each has a time of its own. */
const MOST_TIMED_SLICES = 64;

interface Slice {
  readonly name: string;
  /** VRAM that it is about. */
  readonly vram: { readonly kind: string; offset: number; pages: number } | undefined;
  readonly gpu: number;
  readonly text: string;
  readonly parts: FlaggedPages[];
  readonly time: number;
}

/**
 * Effects in order; neighbours of a kind (and of equal PTE flags) are one slice. `times`: when each was told, in ns, if that is
 * known.
 */
export function mergedEffects(effects: readonly TraceEffect[], times: readonly number[] = []): ShownEffect[] {
  const slices: Slice[] = [];
  const rest = new Map<string, Slice>();
  let shown = 0;
  let gpu = 0;
  const most = times.length === 0 ? MOST_SLICES : MOST_TIMED_SLICES;
  for (const [index, effect] of effects.entries()) {
    const time = times[index] ?? 0;
    const name = String(effect[0]);
    if (name === '@') {
      gpu = Number(effect[1]);
      continue;
    }
    const part = pagesOf(effect);
    const vram = vramOf(effect);
    const last = slices[slices.length - 1];
    // Marks of preemption points hold the nesting together, and stops of queues their track: each of them shows.
    if (isQueueCall(name)) {
      slices.push({
        name,
        gpu,
        text: effect[1] === undefined ? '' : String(effect[1]),
        vram: undefined,
        parts: [],
        time,
      });
    } else if (name === 'inject' || name === 'inject-end') {
      slices.push({ name, gpu, text: name === 'inject' ? String(effect[1]) : '', vram: undefined, parts: [], time });
    } else if (
      last !== undefined &&
      last.name === name &&
      last.gpu === gpu &&
      last.vram?.kind === vram?.kind &&
      last.parts[0]?.flags === part.flags
    ) {
      join(last, part, vram);
    } else if (shown < most) {
      slices.push({ name, gpu, text: '', vram, parts: [part], time });
      shown++;
    } else {
      const key = `${gpu}:${name}:${vram?.kind}`;
      const slice = rest.get(key);
      if (slice === undefined) rest.set(key, { name, gpu, text: '', vram, parts: [part], time });
      else join(slice, part, vram);
    }
  }
  return [
    ...slices.map((slice) => shownEffect(slice, '')),
    ...Array.from(rest.values(), (slice) => shownEffect(slice, 'more: ')),
  ];
}

/** The VRAM that an effect is about. */
function vramOf(effect: TraceEffect): Slice['vram'] {
  const at = effectOf(effect)?.vramAt;
  if (at === undefined) return undefined;
  const pages = effect[at + 1];
  const direction = effect[1] === 'vram' ? 'to VRAM' : 'to system memory';
  // The end of an eviction has its result there, a number.
  return {
    kind: at === 2 ? direction : '',
    offset: Number(effect[at]),
    pages: Number(typeof pages === 'string' ? pages : 0),
  };
}

function join(slice: Slice, part: FlaggedPages, vram: Slice['vram']): void {
  slice.parts.push(part);
  if (slice.vram === undefined || vram === undefined) return;
  slice.vram.offset = Math.min(slice.vram.offset, vram.offset);
  slice.vram.pages += vram.pages;
}

function shownEffect({ name, gpu, text, vram, parts, time }: Slice, prefix: string): ShownEffect {
  const { title: words = name, pages: hasPages } = effectOf([name]) ?? {};
  const title = `${prefix}${words}${vram === undefined || vram.kind === '' ? '' : ` ${vram.kind}`}${parts.length > 1 ? ` x${parts.length}` : ''}`;
  const about = {
    ...(gpu === 0 ? {} : { gpu }),
    ...(vram === undefined ? {} : { vramPage: hex(vram.offset), pages: vram.pages }),
    ...(isQueueCall(name) && text !== '' ? { result: resultWord(text) } : {}),
  };
  if (hasPages === undefined || parts.length === 0) return { name, gpu, title, parts: [], text, args: about, time };
  const start = Math.min(...parts.map((part) => part.startPage));
  const pages = parts.reduce((sum, part) => sum + part.pages, 0);
  const flags = parts[0]!.flags;
  return {
    name,
    gpu,
    title,
    parts,
    text,
    time,
    args: { ...about, addr: hexAddress(start), pages, ...(flags === 0n ? {} : { flags: hex(flags) }) },
  };
}

/** Whether the effect is one of KFD's calls about the queues of the process. */
function isQueueCall(name: string): boolean {
  return name === 'quiesce' || name === 'resume';
}

function resultWord(text: string): string {
  return errnoName(Number(text)) ?? text;
}
