/** What GPU work is on every backend: the interface, and the error of an access that failed. */

/** A queue of GPU work. The operations run in the order of the calls, each promise settles when its operation has ended. */
export interface GpuQueue {
  /** Writes the u32 `value` (little endian) over `size` bytes; both multiples of 4. */
  fill(address: bigint, value: number, size: number | bigint): Promise<void>;
  /** Copies `size` bytes; the ranges must not overlap. */
  copy(destination: bigint, source: bigint, size: number | bigint): Promise<void>;
  /** The GPU writes `data`. */
  write(address: bigint, data: Uint8Array): Promise<void>;
  /** What the GPU reads. */
  read(address: bigint, size: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Settles when all operations before it have ended, failed or not. */
  idle(): Promise<void>;
}

/** A GPU access that can't be served. */
export class GpuFaultError extends Error {
  readonly code = 'ERR_SVM_GPU_FAULT';
  /** First byte of the first page that could not be accessed. */
  readonly address: bigint;
  readonly access: 'read' | 'write';
  /** Why, in one sentence. */
  readonly reason: string;

  constructor(address: bigint, access: 'read' | 'write', reason: string) {
    super(`GPU ${access} at 0x${address.toString(16)} failed: ${reason}`);
    this.name = 'GpuFaultError';
    this.address = address;
    this.access = access;
    this.reason = reason;
  }
}
