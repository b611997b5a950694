/** What pages hold, as one number for each: read, written and joined to runs (spec/trace-format-v8 §2). */
import { gpuPageValue, setGpuPageValue } from '../../../emulator/index.ts';
import type { EmulatedDevice, EmulatedFile, PageValue } from '../../../emulator/index.ts';
import { hex } from '../format/hex.ts';

export const LARGEST_VALUE = 0xffff_ffff;

/** Pages in a row that hold the same; first page and number of pages as hex. */
export type ValueRun = readonly [value: PageValue, startPage: string, pages: string];

/** What the GPU reads in the pages, which are ascending, through its PTEs. */
export function gpuValues(device: EmulatedDevice, file: EmulatedFile, pages: readonly number[]): ValueRun[] {
  return joined(pages, (page) => gpuPageValue(device, file, page));
}

/** The GPU writes `value` to each of the pages through its PTEs. */
export function writeGpuValue(
  device: EmulatedDevice,
  file: EmulatedFile,
  pages: readonly number[],
  value: number,
): void {
  for (const page of pages) setGpuPageValue(device, file, page, value);
}

/** Neighbours with the same value as one run; `pages` are ascending. */
export function joined(pages: readonly number[], valueOf: (page: number, index: number) => PageValue): ValueRun[] {
  const runs: { value: PageValue; startPage: number; pages: number }[] = [];
  for (const [index, page] of pages.entries()) {
    const value = valueOf(page, index);
    const run = runs[runs.length - 1];
    if (run !== undefined && run.value === value && run.startPage + run.pages === page) run.pages++;
    else runs.push({ value, startPage: page, pages: 1 });
  }
  return runs.map((run) => [run.value, hex(run.startPage), hex(run.pages)]);
}
