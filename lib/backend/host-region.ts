/** Host memory as a backend maps it; `HostMemory` checks what callers pass in. */

/** What the CPU may do with pages. */
export type HostProtection = 'none' | 'read' | 'read-write' | 'read-execute' | 'read-write-execute';
export const HOST_PROTECTIONS: readonly HostProtection[] = [
  'none',
  'read',
  'read-write',
  'read-execute',
  'read-write-execute',
];
/** The same as letters r, w, x, as the emulated process and traces write them. */
export const PROTECTION_LETTERS: Readonly<Record<HostProtection, string>> = {
  none: '-',
  read: 'r',
  'read-write': 'rw',
  'read-execute': 'rx',
  'read-write-execute': 'rwx',
};

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
}

/** Maps regions; one for each backend. */
export interface HostRegionMapper {
  /** `hint` as for mmap: where the mapping should begin if that is free; a backend may ignore it. */
  map(size: number, hint?: bigint): HostRegion;
}
