/** What pages hold, as one number for each: read, written and joined to runs (spec/trace-format-v8 §2). */
import { cpuPageValue, gpuPageValue, setCpuPageValue, setGpuPageValue } from '../../../emulator/index.ts';
import type { EmulatedDevice, EmulatedFile, EmulatedMachine } from '../../../emulator/index.ts';
import { hex } from '../format/hex.ts';

export const LARGEST_VALUE = 0xffff_ffff;

/** Pages in a row that hold the same; first page and number of pages as hex. */
export type ValueRun = readonly [value: number, startPage: string, pages: string];

/** What the CPU reads in the pages `[startPage, endPage)`. */
export function cpuValues({ process }: EmulatedMachine, startPage: number, endPage: number): ValueRun[] {
  const pages = Array.from({ length: endPage - startPage }, (_, index) => startPage + index);
  return joined(pages, (page) => cpuPageValue(process.space, page));
}

/** The CPU writes `value` to each of the pages `[startPage, endPage)`. */
export function writeCpuValue({ process }: EmulatedMachine, startPage: number, endPage: number, value: number): void {
  for (let page = startPage; page < endPage; page++) setCpuPageValue(process.space, page, value);
}

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

function joined(pages: readonly number[], valueOf: (page: number) => number): ValueRun[] {
  const runs: { value: number; startPage: number; pages: number }[] = [];
  for (const page of pages) {
    const value = valueOf(page);
    const run = runs[runs.length - 1];
    if (run !== undefined && run.value === value && run.startPage + run.pages === page) run.pages++;
    else runs.push({ value, startPage: page, pages: 1 });
  }
  return runs.map((run) => [run.value, hex(run.startPage), hex(run.pages)]);
}
