/** Host memory as a backend maps it; `HostMemory` checks what callers pass in. */
import { rangeError, typeError } from '../uapi/errors.ts';
import type { HostProtection } from '../uapi/protection.ts';

/** A mapping as a backend makes it. Offsets and lengths are bytes and checked already. */
export interface HostRegion {
  readonly address: bigint;
  readonly size: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
  write(offset: number, data: Uint8Array): void;
  protect(protection: HostProtection, offset: number, length: number): void;
  discard(offset: number, length: number): void;
  unmap(offset: number, length: number): void;
  /** mlock. */
  lock(offset: number, length: number): void;
  unlock(offset: number, length: number): void;
  /** mremap to a fixed place; `target` is a region of the same mapper. `keepOld`: MREMAP_DONTUNMAP. */
  moveTo(target: HostRegion, targetOffset: number, offset: number, length: number, keepOld: boolean): void;
}

/** What transparent huge pages can be asked for: MADV_HUGEPAGE, MADV_NOHUGEPAGE. */
export const HUGE_PAGES = ['always', 'never'] as const;
export type HugePages = (typeof HUGE_PAGES)[number];

/** What to map, checked: sizes, addresses and offsets are whole pages, and at most one of the three places is there. */
export interface MapRequest {
  /** Bytes. */
  readonly size: number;
  /** Exactly there, or the system's EEXIST. */
  readonly address?: bigint;
  /** There if it is free; need not be whole pages. */
  readonly hint?: bigint;
  /** A power of two. */
  readonly alignment?: number;
  readonly hugePages?: HugePages;
  readonly shared: boolean;
  readonly file?: { readonly path: string; readonly offset: number };
}

/** Maps regions; one for each backend. */
export interface HostRegionMapper {
  map(request: MapRequest): HostRegion;
}

/** A mapping has to have a file behind all of its pages. */
export function fileTooShort({ path, offset }: NonNullable<MapRequest['file']>, size: number): RangeError {
  return rangeError(
    'ERR_SVM_OUT_OF_RANGE',
    `options.file: '${path}' ends before byte ${offset + size}, where the mapping would`,
  );
}

/** Memory can only be moved to where its own mapper has put something. */
export function otherMemory(): TypeError {
  return typeError('ERR_SVM_INVALID_TYPE', 'target: expected memory that the same device has mapped');
}
