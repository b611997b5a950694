// Models: struct vm_area_struct as far as SVM looks at it (spec/02-attributes §4.2, spec/05-faults §4; spec/trace-format §3, §4).
import { PAGE_NUMBER_END } from '../kernel/page-number.ts';

export { Protection, protectionLetters, protectionOfLetters } from '../../lib/uapi/protection.ts';

/**
 * Kinds of mapping, of which 'shared' is shared anonymous memory and 'hugetlb' a shared mapping of hugetlbfs; each stands for a set of VM_ flags and a way its pages come and go.
 */
export const VMA_KINDS = [
  'anon',
  'file',
  'thp',
  'io',
  'pfnmap',
  'mixedmap',
  'heap',
  'stack',
  'shared',
  'hugetlb',
] as const;
/** Kind of a mapping. */
export type VmaKind = (typeof VMA_KINDS)[number];

/** One mapping of the process: the pages `[startPage, endPage)`, end exclusive. */
export class Vma {
  startPage: number;
  endPage: number;
  /** Bits of `Protection`. */
  protection: number;
  readonly kind: VmaKind;
  /** Whether its pages are locked in memory (mlock). */
  locked = false;
  /** Number of the first page after the end of the file: it is mapped, and there is nothing. Of most mappings: none. */
  readonly fileEndPage: number;

  constructor(
    startPage: number,
    endPage: number,
    protection: number,
    kind: VmaKind,
    fileEndPage: number = PAGE_NUMBER_END,
  ) {
    this.startPage = startPage;
    this.endPage = endPage;
    this.protection = protection;
    this.kind = kind;
    this.fileEndPage = fileEndPage;
  }
}

/** VM_IO, VM_PFNMAP or VM_MIXEDMAP: what SET_ATTR and faults on unregistered addresses refuse. */
export function isSpecialVma(vma: Vma): boolean {
  return vma.kind === 'io' || vma.kind === 'pfnmap' || vma.kind === 'mixedmap';
}

/** VM_IO or VM_PFNMAP: what the framework and HMM refuse. */
export function isIoOrPfnMap(vma: Vma): boolean {
  return vma.kind === 'io' || vma.kind === 'pfnmap';
}

/** Kinds whose pages stay in the page cache when they are dropped. */
export function keepsPagesCached(kind: VmaKind): boolean {
  return kind === 'file' || kind === 'mixedmap' || kind === 'shared' || kind === 'hugetlb';
}

/** Memory of which a page that was never touched has nothing behind it; it can lie in VRAM. */
export function isAnonymous(kind: VmaKind): boolean {
  return mergesWithNeighbours(kind);
}

/** Kinds of which touching VMAs merge. */
export function mergesWithNeighbours(kind: VmaKind): boolean {
  return kind === 'anon' || kind === 'thp' || kind === 'heap' || kind === 'stack';
}

/** Kinds whose pages are huge where there is room for one. */
export function isHugeKind(kind: VmaKind): boolean {
  return kind === 'thp' || kind === 'hugetlb';
}
