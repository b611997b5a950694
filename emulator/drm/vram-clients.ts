// Models: other clients of a GPU's VRAM, beside SVM (spec/trace-format-v8 §2, §4).
import { Errno } from '../../lib/uapi/errno.ts';
import { countArgument, sizeArgument } from '../kernel/arguments.ts';
import type { OperationScope } from '../kernel/operation-scope.ts';
import { PAGE_BYTES } from '../kernel/page-number.ts';
import type { DeviceMemory } from '../svm/device-memory.ts';
import type { OperationJournal } from './journal.ts';

/** Where they work. */
interface Surroundings {
  readonly scope: OperationScope;
  readonly journal: { current: OperationJournal | null };
}

/** What others take of the VRAM of one GPU, and what is left. */
export class VramClients {
  readonly #device: number;
  readonly #total: number;
  readonly #memory: DeviceMemory | null;
  readonly #surroundings: Surroundings;

  /** `total`: bytes; `memory`: null where SVM does not use them. */
  constructor(device: number, total: number, memory: DeviceMemory | null, surroundings: Surroundings) {
    this.#device = device;
    this.#total = total;
    this.#memory = memory;
    this.#surroundings = surroundings;
  }

  /** Bytes; undefined without VRAM. */
  get info(): { readonly total: number; readonly free: number } | undefined {
    const total = this.#total;
    if (total === 0) return undefined;
    const vram = this.#memory?.vram;
    const taken = vram === undefined ? 0 : vram.evictablePages + vram.pinnedPages;
    return { total, free: total - taken * PAGE_BYTES };
  }

  evict(): number {
    const memory = this.#memory;
    const { scope, journal } = this.#surroundings;
    const result = memory === null ? -Errno.ENOENT : scope.run(() => memory.evictOldest());
    journal.current?.record({ name: 'evict', device: this.#device, result });
    return result;
  }

  take(bytes: bigint): number {
    const pages = Number((sizeArgument('bytes', bytes) + BigInt(PAGE_BYTES - 1)) / BigInt(PAGE_BYTES));
    const memory = this.#memory;
    const { scope, journal } = this.#surroundings;
    const result = memory === null ? -Errno.ENOMEM : scope.run(() => memory.take(pages));
    journal.current?.record({ name: 'vram', device: this.#device, bytes, result });
    return result;
  }

  free(offset: number): number {
    const page = countArgument('offset', offset);
    const result = this.#memory === null ? -Errno.ENOENT : this.#memory.vram.unpin(page);
    this.#surroundings.journal.current?.record({ name: 'vramfree', device: this.#device, offset: page, result });
    return result;
  }
}
