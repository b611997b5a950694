/** What a queue needs of its hardware: mapped memory, ordered stores and loads, and waits. An interface, so that it can be tested without a GPU. */

import type { HostAtomics } from './topology.ts';

/** A memory exception or a reset, as KFD's events tell it (spec/kfd-queue §8). */
export type KfdEvent =
  | {
      readonly kind: 'memory';
      /** Address of the page, in bytes. */
      readonly address: bigint;
      /** The page was not writable; else there was none. */
      readonly readOnly: boolean;
    }
  | { readonly kind: 'reset'; readonly reason: string };

/** One SDMA user queue with its buffers. All memory of it is mapped by CPU and GPU. */
export interface KfdPort {
  /** The ring as the CPU sees it; its length is a power of two. */
  readonly ring: Uint32Array;
  /** Bounce buffer, and where the GPU sees it. */
  readonly buffer: Uint8Array;
  readonly bufferAddress: bigint;
  /** The dword that fences write, where the GPU sees it. */
  readonly fenceAddress: bigint;
  /** Which atomic operations reach host memory. */
  readonly atomics: HostAtomics;
  /** Bytes that the engine has fetched since the queue was made: an acquire load. */
  fetched(): number;
  /** The last value that a fence wrote: an acquire load. */
  fenced(): number;
  /** Gives the ring up to `written` (a count of bytes) to the engine: write pointer, then doorbell, each after a release. */
  submit(written: number): void;
  /** Settles when `fenced()` is `value` (true), or when an event came or `milliseconds` have passed (false); off the main thread. */
  waitForFence(value: number, milliseconds: number): Promise<boolean>;
  /** The event that came since the last call; undefined: none. */
  event(): KfdEvent | undefined;
  /** Gives everything back, in the order of spec/kfd-queue §4. A second call does nothing. */
  close(): void;
}
