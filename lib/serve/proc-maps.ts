/** /proc/PID/maps as the emulator's VMAs, and what changed between two looks at it. */
import { protectionOfLetters } from '../uapi/protection.ts';
import type { VmaDescription, VmaKind } from '../../emulator/index.ts';

/** A mapping of a client. Two that overlap and have the same `backing` are the same mapping. */
export interface MappedArea extends VmaDescription {
  readonly backing: string;
}

/** Kind of a mapping of a device file, whose flags only /proc/PID/smaps tells. `start`: hexadecimal, as in the file. */
export type SpecialKind = (start: string, name: string) => VmaKind;

const PAGE_BYTES = 4096;
const VM_FLAGS = 'VmFlags: ';

/** The areas of the text of /proc/PID/maps, ascending. `served`: the file system whose files stand for device memory. */
export function parseMaps(text: string, specialKind: SpecialKind, served?: string): MappedArea[] {
  const areas: MappedArea[] = [];
  for (const line of text.split('\n')) {
    // "7f1c2000-7f1c4000 r-xp 0001c000 fe:00 338944      /usr/lib/x.so"
    // The name is whatever a file is called; only "\n" ends the line, so it is not matched with ".".
    const match = /^([0-9a-f]+)-([0-9a-f]+) ([r-][w-][x-])[ps] ([0-9a-f]+) ([0-9a-f:]+) (\d+) *([^]*)$/.exec(line);
    if (match === null) continue;
    const [, start = '', end = '', letters = '', offset = '', device = '', inode = '', name = ''] = match;
    // The gate page of the kernel's own half is in the file but in no mm.
    if (name === '[vsyscall]') continue;
    const mapping = {
      startPage: parseInt(start, 16) / PAGE_BYTES,
      endPage: parseInt(end, 16) / PAGE_BYTES,
      protection: protectionOfLetters(letters.replaceAll('-', '') || '-') ?? 0,
      offsetPages: parseInt(offset, 16) / PAGE_BYTES,
      device,
      inode,
      name,
    };
    areas.push(areaOf(mapping, specialKind, served));
  }
  return areas;
}

/** A mapping as the kernel tells it. */
export interface ToldMapping {
  readonly startPage: number;
  readonly endPage: number;
  /** Bits of `Protection`. */
  readonly protection: number;
  readonly offsetPages: number;
  /** "fe:00" */
  readonly device: string;
  /** Decimal; "0" without a file. */
  readonly inode: string;
  readonly name: string;
}

export function areaOf(mapping: ToldMapping, specialKind: SpecialKind, served?: string): MappedArea {
  const { startPage, endPage, protection, offsetPages, device, inode, name } = mapping;
  const kind = device === served ? 'pfnmap' : kindOf(startPage, name, specialKind);
  // Splitting and merging keeps the distance between an address and its place in the file.
  const backing = inode === '0' ? kind : `${device}:${inode}:${offsetPages - startPage}`;
  return { startPage, endPage, protection, kind, backing };
}

function kindOf(startPage: number, name: string, specialKind: SpecialKind): VmaKind {
  if (name === '' || name.startsWith('[anon')) return 'anon';
  if (name === '[heap]') return 'heap';
  if (name === '[stack]') return 'stack';
  // vvar is VM_IO and VM_PFNMAP in every process; the vdso and its like are pages of the kernel behind vm_ops.
  if (name.startsWith('[vvar')) return 'pfnmap';
  if (name.startsWith('[')) return 'file';
  const isDevice = /^\/dev\/(?!shm\/|zero\b|hugepages\/|mqueue\/)/.test(name);
  return isDevice || name.startsWith('anon_inode:') || name.startsWith('socket:')
    ? specialKind((startPage * PAGE_BYTES).toString(16).padStart(8, '0'), name)
    : 'file';
}

/** The kind that the flags of /proc/PID/smaps give for the area at `start`. */
export function kindFromSmaps(smaps: string, start: string): VmaKind {
  const lines = smaps.split('\n');
  const from = lines.findIndex((line) => line.startsWith(`${start}-`));
  const flags = from < 0 ? undefined : lines.slice(from).find((line) => line.startsWith(VM_FLAGS));
  if (flags === undefined) return 'file';
  const set = flags.slice(VM_FLAGS.length).split(' ');
  if (set.includes('pf')) return 'pfnmap';
  if (set.includes('io')) return 'io';
  return set.includes('mm') ? 'mixedmap' : 'file';
}

/** Pages `[startPage, endPage)`. */
interface PageInterval {
  readonly startPage: number;
  readonly endPage: number;
}

/** What a process did between two looks, as far as it can be seen. */
export interface MapsChange {
  /** Pages whose mapping is gone or was replaced; neighbours are one interval, as one munmap would be. */
  readonly vanished: readonly PageInterval[];
  readonly reprotected: readonly (PageInterval & { readonly protection: number })[];
}

/** Compares two ascending lists of disjoint areas. */
export function compareMaps(before: readonly MappedArea[], after: readonly MappedArea[]): MapsChange {
  const vanished: PageInterval[] = [];
  const reprotected: (PageInterval & { protection: number })[] = [];
  const vanish = (startPage: number, endPage: number): void => {
    if (startPage >= endPage) return;
    const last = vanished.at(-1);
    if (last !== undefined && last.endPage === startPage)
      vanished[vanished.length - 1] = { startPage: last.startPage, endPage };
    else vanished.push({ startPage, endPage });
  };
  let index = 0;
  for (const old of before) {
    while (index < after.length && after[index]!.endPage <= old.startPage) index++;
    let page = old.startPage;
    for (let at = index; at < after.length && after[at]!.startPage < old.endPage; at++) {
      const now = after[at]!;
      const from = Math.max(now.startPage, old.startPage);
      const to = Math.min(now.endPage, old.endPage);
      vanish(page, from);
      page = to;
      if (now.backing !== old.backing) vanish(from, to);
      else if (now.protection !== old.protection)
        reprotected.push({ startPage: from, endPage: to, protection: now.protection });
    }
    vanish(page, old.endPage);
  }
  return { vanished, reprotected };
}
