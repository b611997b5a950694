// Models: other clients of a GPU's VRAM, in addition to SVM (spec/trace-format-v8 §2, §4).
import { Errno } from '../../lib/uapi/errno.ts';
import { countArgument, sizeArgument } from '../kernel/arguments.ts';
import type { OperationScope } from '../kernel/operation-scope.ts';
import { PAGE_BYTES } from '../kernel/page-number.ts';
import { Vram } from '../gpu/vram.ts';
import type { EvictableBuffer } from '../gpu/vram.ts';
import { runAwake } from '../kernel/sleepable.ts';
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
  /** What is taken; null without VRAM. Where SVM does not use it, all of it is others'. */
  readonly #vram: Vram<EvictableBuffer> | null;
  readonly #surroundings: Surroundings;

  /** `total`: bytes; `memory`: null where SVM does not use them. */
  constructor(device: number, total: number, memory: DeviceMemory | null, surroundings: Surroundings) {
    this.#device = device;
    this.#total = total;
    this.#memory = memory;
    this.#vram = memory?.vram ?? (total === 0 ? null : new Vram(total / PAGE_BYTES));
    this.#surroundings = surroundings;
  }

  /** Bytes; undefined without VRAM. */
  get info(): { readonly total: number; readonly free: number } | undefined {
    const [vram, total] = [this.#vram, this.#total];
    return vram === null ? undefined : { total, free: total - (vram.evictablePages + vram.pinnedPages) * PAGE_BYTES };
  }

  /** Pages that others have taken. */
  get pinnedPages(): number {
    return this.#vram?.pinnedPages ?? 0;
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
    const { scope, journal } = this.#surroundings;
    const result = scope.run(() => this.#memory?.take(pages) ?? this.#takeUnused(pages));
    journal.current?.record({ name: 'vram', device: this.#device, bytes, result });
    return result;
  }

  free(offset: number): number {
    const page = countArgument('offset', offset);
    const result = this.#vram?.unpin(page) ?? -Errno.ENOENT;
    this.#surroundings.journal.current?.record({ name: 'vramfree', device: this.#device, offset: page, result });
    return result;
  }

  /** Of VRAM in which nobody gives way: the first page, or -ENOMEM. */
  #takeUnused(pages: number): number {
    const vram = this.#vram;
    if (vram === null) return -Errno.ENOMEM;
    const offset = runAwake(vram.findPlace(pages, neverEvicted));
    if (offset >= 0) vram.pin(offset, pages);
    return offset;
  }
}

function neverEvicted(): never {
  throw Object.assign(new Error('VRAM that SVM does not use has no buffers of SVM'), { code: 'ERR_SVM_INTERNAL' });
}
