/** Memory of the runtime: what `mallocManaged`, `malloc` and `hostMalloc` give (spec/hip §2). */
import { bytesAt } from '../words/sizes.ts';
import { codedError } from '../uapi/errors.ts';
import type { SvmRange } from '../uapi/range.ts';
import type { Backing, DriverContents } from './backing.ts';

/** 'managed': `mallocManaged`; 'device': `malloc`; 'host': `hostMalloc`. */
export type HipMemoryKind = 'managed' | 'device' | 'host';

/** What an allocation has in common with its runtime. */
export interface MemoryOwner {
  free(memory: HipMemory): void;
}

/** An allocation. It is a range (`address`, `size`), so the calls of `SvmDevice` take it too. */
export class HipMemory implements SvmRange {
  /** First byte. */
  readonly address: bigint;
  /** Bytes, as asked for; the mapping is rounded up to pages. */
  readonly size: number;
  readonly kind: HipMemoryKind;
  /** A `HipMemAttach` of managed memory, those of `HipHostMalloc` of pinned memory, else 0. */
  readonly flags: number;
  /** The device that was current when it was allocated. */
  readonly device: number;
  /** @internal First page. */
  readonly page: number;
  /** @internal Behind the last byte. */
  readonly end: bigint;
  /** @internal Whether a prefetch was issued, of which the devices keep a trace. */
  prefetched = false;
  readonly #owner: MemoryOwner;
  readonly #backing: Backing;
  #freed = false;

  /** Use `runtime.mallocManaged`. */
  constructor(owner: MemoryOwner, backing: Backing, size: number, kind: HipMemoryKind, flags: number, device: number) {
    this.#owner = owner;
    this.#backing = backing;
    this.address = backing.address;
    this.size = size;
    this.kind = kind;
    this.flags = flags;
    this.device = device;
    this.page = Number(backing.address >> 12n);
    this.end = backing.address + BigInt(size);
  }

  /** Whether it was freed. */
  get freed(): boolean {
    return this.#freed;
  }

  /** All bytes, live, as the CPU sees them; as `HostBuffer.bytes`. Throws `ERR_SVM_FREED` once it was freed, `ERR_SVM_NOT_AVAILABLE` of device memory. */
  get bytes(): Uint8Array<ArrayBuffer> {
    this.#assertLive('bytes');
    return this.#backing.bytes.subarray(0, this.size);
  }

  /** A copy of `length` bytes (default: the rest). */
  read(offset = 0, length: number = this.size - offset): Uint8Array<ArrayBuffer> {
    this.#assertLive('read');
    return this.#backing.read(offset, length);
  }

  /** Writes the bytes of `data`, a typed array or DataView, at byte `offset`. */
  write(offset: number, data: ArrayBufferView): void {
    this.#assertLive('write');
    this.#backing.write(offset, data);
  }

  /** One line for `console.log`. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    const place = bytesAt({ address: this.address, size: BigInt(this.size) });
    return `HipMemory { ${this.kind}, ${place}${this.#freed ? ', freed' : ''} }`;
  }

  /** As `runtime.free(memory)`, but a second time does nothing. */
  [Symbol.dispose](): void {
    if (!this.#freed) this.#owner.free(this);
  }

  /** @internal What memory of the driver holds. */
  contents(): DriverContents {
    return this.#backing.contents!();
  }

  /** @internal */
  belongsTo(owner: MemoryOwner): boolean {
    return this.#owner === owner;
  }

  /** @internal Takes the mapping away; called by the owner. */
  release(): void {
    this.#freed = true;
    this.#backing.unmap();
  }

  #assertLive(what: string): void {
    if (this.#freed) throw codedError('ERR_SVM_FREED', `${what}: the memory was freed`);
  }
}
