/** HIP's calls that copy and fill memory, as commands of a stream. */
import { show } from '../uapi/errors.ts';
import { countOf, intOf, pointerOf } from './arguments.ts';
import type { HipPointer } from './arguments.ts';
import { HipMemcpyKind } from './constants.ts';
import { Copies } from './copies.ts';
import type { Place } from './copies.ts';
import { HipError, HipStatus, invalidValue } from './error.ts';
import type { HipState } from './state.ts';
import type { HipStreamArgument } from './stream-table.ts';
import { TransferCalls } from './transfer-calls.ts';

const LAST_KIND = HipMemcpyKind.default;
const MOST_BYTES = 1n << 32n;

/** The part of `HipRuntime` that is about copies and fills. */
export abstract class CopyCalls extends TransferCalls {
  readonly #state: HipState;
  readonly #copies: Copies;

  constructor(state: HipState) {
    super(state);
    this.#state = state;
    this.#copies = new Copies(state, this.allocator);
  }

  /**
   * hipMemcpy: `size` bytes, between memory of any kind; settles when they are there. As in ROCm `kind` has to be one of
   * `HipMemcpyKind`, and is not looked at further: the runtime knows what the pointers are. hipErrorInvalidValue (also
   * for ranges that overlap), hipErrorInvalidMemcpyDirection, hipErrorNotSupported for pageable memory on a kernel where
   * the GPU does not reach it; hipErrorIllegalAddress for an access that the GPU cannot make.
   */
  async memcpy(
    destination: HipPointer,
    source: HipPointer,
    size: number | bigint,
    kind: number = HipMemcpyKind.default,
  ): Promise<void> {
    await this.#copy('hipMemcpy', destination, source, size, kind, null);
    await this.streamSynchronize(null);
  }

  /** hipMemcpyAsync: as `memcpy`, in stream order; what goes wrong on the way is reported by the next synchronisation. */
  memcpyAsync(
    destination: HipPointer,
    source: HipPointer,
    size: number | bigint,
    kind: number = HipMemcpyKind.default,
    stream: HipStreamArgument = null,
  ): void {
    void this.#copy('hipMemcpyAsync', destination, source, size, kind, stream);
  }

  /** hipMemset: `size` bytes become the lowest byte of `value`; settles when they have. hipErrorInvalidValue, hipErrorIllegalAddress. */
  async memset(destination: HipPointer, value: number, size: number | bigint): Promise<void> {
    await this.#fill('hipMemset', destination, value, size, null);
    await this.streamSynchronize(null);
  }

  /** hipMemsetAsync: as `memset`, in stream order. */
  memsetAsync(destination: HipPointer, value: number, size: number | bigint, stream: HipStreamArgument = null): void {
    void this.#fill('hipMemsetAsync', destination, value, size, stream);
  }

  /** Throws what is wrong with the arguments; the promise settles when it has run, and never rejects. */
  #copy(
    name: string,
    destination: HipPointer,
    source: HipPointer,
    size: number | bigint,
    kind: number,
    stream: HipStreamArgument,
  ): Promise<unknown> {
    return this.traffic.log(
      () => `${name}(${show(size)})`,
      () => {
        this.#state.assertOpen();
        const bytes = this.#sizeOf(size);
        const direction = intOf('kind', kind);
        if (direction < 0 || direction > LAST_KIND)
          throw new HipError(HipStatus.invalidMemcpyDirection, `kind: expected 0 to ${LAST_KIND}, got ${direction}`);
        if (bytes === 0) return Promise.resolve();
        const to = pointerOf('destination', destination);
        const from = pointerOf('source', source);
        const target = this.#copies.place('destination', to, BigInt(bytes));
        const origin = this.#copies.place('source', from, BigInt(bytes));
        if (from.address < to.address + BigInt(bytes) && to.address < from.address + BigInt(bytes))
          throw invalidValue('destination, source: the ranges overlap');
        return this.#issue(stream, (queue) => this.#copies.copy(queue, target, origin, bytes));
      },
    );
  }

  #fill(
    name: string,
    destination: HipPointer,
    value: number,
    size: number | bigint,
    stream: HipStreamArgument,
  ): Promise<unknown> {
    return this.traffic.log(
      () => `${name}(${show(value)}, ${show(size)})`,
      () => {
        this.#state.assertOpen();
        const bytes = this.#sizeOf(size);
        const byte = intOf('value', value) & 0xff;
        if (bytes === 0) return Promise.resolve();
        const place: Place = this.#copies.place('destination', pointerOf('destination', destination), BigInt(bytes));
        return this.#issue(stream, (queue) => this.#copies.fill(queue, place, byte, bytes));
      },
    );
  }

  #issue(stream: HipStreamArgument, work: Parameters<typeof this.streams.command>[1]): Promise<unknown> {
    // What it rejects with is kept for the next synchronisation.
    return this.streams.command(this.streams.use('stream', stream), work).catch(() => undefined);
  }

  /** As a number: what is copied passes through an array where one side is not the GPU's. */
  #sizeOf(size: number | bigint): number {
    const bytes = countOf('size', size);
    if (bytes > MOST_BYTES) throw invalidValue(`size: more than 2^32 bytes cannot be moved at once, got ${bytes}`);
    return Number(bytes);
  }
}
