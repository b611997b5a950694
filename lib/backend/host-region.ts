/** Host memory as a backend maps it; `HostMemory` checks what callers pass in. */
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
}

/** Maps regions; one for each backend. */
export interface HostRegionMapper {
  /** `hint` as for mmap: where the mapping should begin if that is free; a backend may ignore it. */
  map(size: number, hint?: bigint): HostRegion;
}
