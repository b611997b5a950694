/** What GPU work is on every backend: the interface, and the error of an access that failed. */
import type { AtomicOperation } from '../uapi/atomic.ts';

/** Of `GpuQueue.atomic`. */
export interface AtomicOptions {
  /** Width of the word; 64 by default. */
  readonly bits?: 32 | 64;
  /** What compare-swap expects to be in memory. */
  readonly compare?: bigint;
}

/**
 * A queue of GPU work. The operations run in the order of the calls, each promise settles when its operation has ended.
 * Addresses are bytes, of the GPU's address space. Each method throws TypeError or RangeError (`ERR_SVM_INVALID_TYPE`,
 * `ERR_SVM_OUT_OF_RANGE`) for arguments that no GPU could take, and its promise rejects with `GpuFaultError` for an
 * access that cannot be served, and with `ERR_SVM_CLOSED` after the queue or its device was closed.
 */
export interface GpuQueue {
  /** Writes the u32 `value` (little endian) over `size` bytes; both multiples of 4. */
  fill(address: bigint, value: number, size: number | bigint): Promise<void>;
  /** Copies `size` bytes; the ranges must not overlap. */
  copy(destination: bigint, source: bigint, size: number | bigint): Promise<void>;
  /** The GPU writes the bytes of `data`, a typed array or DataView. */
  write(address: bigint, data: ArrayBufferView): Promise<void>;
  /** What the GPU reads. */
  read(address: bigint, size: number): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Adds `value` (u64) to the u64 at `address`, a multiple of 8: atomically, modulo 2^64, and without an answer, as the
   * DMA engine does. Rejects with `ERR_SVM_NOT_AVAILABLE` where the GPU has no atomic operations on that memory.
   */
  atomicAdd(address: bigint, value: bigint): Promise<void>;
  /**
   * Changes the word of 32 or 64 bits at `address`, a multiple of its bytes, atomically and without an answer. A GPU reaches host
   * memory over PCIe by `add`, `swap` and `compare-swap` alone, and a page may lie there at any time: a render node rejects
   * the others with `ERR_SVM_NOT_AVAILABLE` unless its link to the CPU takes all. The emulated device takes all. Operations on
   * floating point numbers are refused.
   */
  atomic(operation: AtomicOperation, address: bigint, value: bigint, options?: AtomicOptions): Promise<void>;
  /** Settles when all operations before it have ended, failed or not. */
  idle(): Promise<void>;
  /** Takes no further operations; those before it still run. A second call does nothing. */
  close(): void;
  /** As `close`. */
  [Symbol.dispose](): void;
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
