// Models: nothing - where the pages of the process lie, and what VRAM holds, as plain data (spec/trace-format-v8 §7).
import { SYSTEM_FRAMES_END, vramOffset } from '../kernel/frame.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { DEVICE_PRIVATE, MIGRATING, PRESENT } from '../mm/cpu-pages.ts';
import type { DeviceMemory } from '../svm/device-memory.ts';

/** Pages that follow one another in VRAM of a GPU. All others lie in system memory, or nowhere. */
export interface VramPagesSnapshot {
  readonly startPage: number;
  pages: number;
  readonly gpu: number;
  /** First page in VRAM. */
  readonly offset: number;
  /** Mapped by the CPU as huge pages. */
  readonly huge: boolean;
}

/** Pages that follow one another and lie in one memory: of GPU `gpu`, null: of the system. */
export interface PlacedPages {
  readonly startPage: number;
  pages: number;
  readonly gpu: number | null;
}

/** Where memory lies. Numbers are pages of 4096 bytes. */
export interface MemorySnapshot {
  readonly pages: readonly VramPagesSnapshot[];
  /** Buffers of SVM, of each GPU the oldest first; `inUse`: pages in which something lies. */
  readonly buffers: readonly {
    readonly gpu: number;
    readonly offset: number;
    readonly pages: number;
    readonly inUse: number;
  }[];
  /** VRAM by GPU: pages of buffers of SVM, of others, and all there are. */
  readonly vram: readonly { readonly evictable: number; readonly pinned: number; readonly total: number }[];
}

/** State of the memory of `space` and of the VRAM of all GPUs: `memories` by number, null where none is registered; `totals`, and what is `taken` by others, in pages. */
export function memorySnapshot(
  space: AddressSpace,
  memories: readonly (DeviceMemory | null)[],
  totals: readonly number[],
  taken: readonly number[],
): MemorySnapshot {
  return {
    pages: space.devices === null ? [] : vramPages(space),
    buffers: memories.flatMap((memory, gpu) =>
      memory === null
        ? []
        : Array.from(memory.vram.buffers(), ({ offset, pages, inUse }) => ({ gpu, offset, pages, inUse })),
    ),
    vram: memories.map((memory, gpu) => ({
      evictable: memory?.vram.evictablePages ?? 0,
      pinned: taken[gpu]!,
      total: totals[gpu]!,
    })),
  };
}

function vramPages({ pages: cpu, devices }: AddressSpace): VramPagesSnapshot[] {
  const runs: VramPagesSnapshot[] = [];
  for (const blockNumber of cpu.blocks.blockNumbers()) {
    const { frames, marks, base, huge } = cpu.blocks.get(blockNumber)!;
    for (let index = 0; index < PAGES_PER_BLOCK; index++) {
      const frame = frames[base + index]!;
      if (frame < SYSTEM_FRAMES_END || (marks[base + index]! & (PRESENT | DEVICE_PRIVATE)) === 0) continue;
      const page = blockNumber * PAGES_PER_BLOCK + index;
      const { gpu } = devices!.mapOf(frame);
      const offset = vramOffset(frame);
      const run = runs[runs.length - 1];
      if (
        run !== undefined &&
        run.startPage + run.pages === page &&
        run.gpu === gpu &&
        run.offset + run.pages === offset &&
        run.huge === huge
      )
        run.pages++;
      else runs.push({ startPage: page, pages: 1, gpu, offset, huge });
    }
  }
  return runs;
}

/** Where each page of the process lies that lies anywhere, as the fewest runs; of a machine without VRAM nothing. */
export function placedPages({ pages: cpu, devices }: AddressSpace): PlacedPages[] {
  const runs: PlacedPages[] = [];
  if (devices === null) return runs;
  for (const blockNumber of cpu.blocks.blockNumbers()) {
    const { frames, marks, base } = cpu.blocks.get(blockNumber)!;
    for (let index = 0; index < PAGES_PER_BLOCK; index++) {
      const frame = frames[base + index]!;
      if (frame === 0 || (marks[base + index]! & (PRESENT | DEVICE_PRIVATE | MIGRATING)) === 0) continue;
      const gpu = frame < SYSTEM_FRAMES_END ? null : devices.mapOf(frame).gpu;
      const startPage = blockNumber * PAGES_PER_BLOCK + index;
      const run = runs[runs.length - 1];
      if (run !== undefined && run.startPage + run.pages === startPage && run.gpu === gpu) run.pages++;
      else runs.push({ startPage, pages: 1, gpu });
    }
  }
  return runs;
}
