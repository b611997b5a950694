/** Memory of the process that is kept where it is, and which ranges of it somebody asked for. */
import { backendOf } from '../device/svm-device.ts';
import type { SvmDevice } from '../device/svm-device.ts';

/** Keeps the pages of a range where they are, until the function that is returned is called. Throws what `Backend.pinMemory` throws. */
export function pinMemory(device: SvmDevice, address: bigint, size: bigint): () => void {
  return backendOf(device).pinMemory(address, size);
}

/** A range that is kept. */
export interface PinnedRange {
  readonly address: bigint;
  /** Bytes. */
  readonly size: bigint;
  readonly flags: number;
  letGo(): void;
}

/** The ranges of one runtime. */
export class PinnedRanges {
  readonly #ranges = new Map<bigint, PinnedRange>();

  add(range: PinnedRange): void {
    this.#ranges.set(range.address, range);
  }

  /** The one that begins at the address, which is none any more. */
  remove(address: bigint): PinnedRange | undefined {
    const range = this.#ranges.get(address);
    this.#ranges.delete(address);
    return range;
  }

  /** The one that contains the address. */
  find(address: bigint): PinnedRange | undefined {
    for (const range of this.#ranges.values())
      if (range.address <= address && address < range.address + range.size) return range;
    return undefined;
  }

  overlaps(address: bigint, size: bigint): boolean {
    for (const range of this.#ranges.values())
      if (range.address < address + size && address < range.address + range.size) return true;
    return false;
  }

  /** Lets all of them go. */
  clear(): void {
    for (const range of this.#ranges.values()) range.letGo();
    this.#ranges.clear();
  }
}
