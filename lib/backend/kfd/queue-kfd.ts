/** GPU work on real hardware: packets for an SDMA user queue of KFD, each batch closed by a fence (spec/kfd-queue §6-§9). */
import { PCIE_ATOMICS } from '../../uapi/atomic.ts';
import type { AtomicOperation } from '../../uapi/atomic.ts';
import { codedError } from '../../uapi/errors.ts';
import { PacketDwords } from '../../uapi/sdma.ts';
import { OrderedWork } from '../ordered-work.ts';
import { GpuFaultError } from '../queue.ts';
import type { AtomicOptions, GpuQueue } from '../queue.ts';
import { atomicArguments, copyArguments, fillArguments, readArguments, writeArguments } from '../queue-arguments.ts';
import { putAtomic, putCopy, putFence, putFill } from './sdma-packets.ts';
import { SdmaRing } from './sdma-ring.ts';
import type { KfdPort } from './port.ts';

/** Bytes of a packet: a huge page, which no packet crosses twice. */
const PIECE = 0x20_0000;
/** A first touch that migrates 2 MiB takes milliseconds; what takes longer than this for one batch is hung. */
const HUNG_AFTER = 5_000;
/** Pieces that go to the engine together: 32 MiB. */
const PIECES_PER_FENCE = 16;
const LARGEST_FENCE = 0xffff_ffff;

/** What a batch reads and writes, to tell which of it a memory exception is about. */
interface Extent {
  readonly address: bigint;
  readonly bytes: number;
  readonly access: 'read' | 'write';
}

/** Puts the packet of one piece, `offset` bytes into the operation, into `words` at `at`; returns the index after it. */
type PutPiece = (words: Uint32Array, at: number, offset: number, bytes: number) => number;

/** GPU work of one open render node. A fault that cannot be served costs the process its queues: the queue is lost then. */
export class KfdQueue implements GpuQueue {
  readonly #port: KfdPort;
  readonly #ring: SdmaRing;
  readonly #work: OrderedWork;
  readonly #onClose: () => void;
  #fence = 0;
  #lost: string | undefined;

  /** Use `device.createQueue()`. */
  constructor(port: KfdPort, isClosed: () => boolean, onClose: () => void = () => undefined) {
    this.#port = port;
    this.#onClose = onClose;
    this.#ring = new SdmaRing(port.ring.byteLength);
    this.#work = new OrderedWork(isClosed);
  }

  fill(address: bigint, value: number, size: number | bigint): Promise<void> {
    const { start, pattern, bytes } = fillArguments(address, value, size);
    return this.#work.run(() =>
      this.#pieces(
        bytes,
        PacketDwords.fill,
        (words, at, offset, piece) => putFill(words, at, start + BigInt(offset), pattern, piece),
        [{ address: start, bytes, access: 'write' }],
      ),
    );
  }

  copy(destination: bigint, source: bigint, size: number | bigint): Promise<void> {
    const { to, from, bytes } = copyArguments(destination, source, size);
    return this.#work.run(() => this.#copy(to, from, bytes));
  }

  write(address: bigint, data: ArrayBufferView): Promise<void> {
    const { start, bytes } = writeArguments(address, data);
    const { buffer, bufferAddress } = this.#port;
    return this.#work.run(async () => {
      for (let offset = 0; offset < bytes.length; offset += buffer.length) {
        const piece = bytes.subarray(offset, offset + buffer.length);
        buffer.set(piece);
        await this.#copy(start + BigInt(offset), bufferAddress, piece.length);
      }
    });
  }

  read(address: bigint, size: number): Promise<Uint8Array<ArrayBuffer>> {
    const { start, bytes } = readArguments(address, size);
    const { buffer, bufferAddress } = this.#port;
    return this.#work.run(async () => {
      const result = new Uint8Array(bytes);
      for (let offset = 0; offset < bytes; offset += buffer.length) {
        const piece = Math.min(buffer.length, bytes - offset);
        await this.#copy(bufferAddress, start + BigInt(offset), piece);
        result.set(buffer.subarray(0, piece), offset);
      }
      return result;
    });
  }

  atomicAdd(address: bigint, value: bigint): Promise<void> {
    return this.atomic('add', address, value);
  }

  atomic(operation: AtomicOperation, address: bigint, value: bigint, options?: AtomicOptions): Promise<void> {
    const { start, atomic } = atomicArguments(operation, address, value, options);
    return this.#work.run(async () => {
      this.#assertAtomics(operation);
      await this.#batch(PacketDwords.atomic, (words, at) => putAtomic(words, at, start, atomic), [
        { address: start, bytes: atomic.bits / 8, access: 'write' },
      ]);
    });
  }

  idle(): Promise<void> {
    return this.#work.idle();
  }

  close(): void {
    if (!this.#work.close()) return;
    this.#onClose();
    // At once where nothing is under way: the buffers keep the file of the device open.
    if (this.#work.isIdle) this.#port.close();
    else void this.#work.idle().then(() => this.#port.close());
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #assertAtomics(operation: AtomicOperation): void {
    const { atomics } = this.#port;
    if (atomics === 'all' || (atomics === 'pcie' && PCIE_ATOMICS.includes(operation))) return;
    throw codedError(
      'ERR_SVM_NOT_AVAILABLE',
      atomics === 'none'
        ? `${operation}: the GPU has no atomic operations on host memory`
        : `${operation}: over PCIe a GPU has no atomic operations on host memory but ${PCIE_ATOMICS.join(', ')}`,
    );
  }

  #copy(to: bigint, from: bigint, bytes: number): Promise<void> {
    return this.#pieces(
      bytes,
      PacketDwords.copy,
      (words, at, offset, piece) => putCopy(words, at, to + BigInt(offset), from + BigInt(offset), piece),
      [
        { address: from, bytes, access: 'read' },
        { address: to, bytes, access: 'write' },
      ],
    );
  }

  /** An operation on `bytes` in pieces of one packet each, several to a fence. */
  async #pieces(bytes: number, packetDwords: number, put: PutPiece, extents: readonly Extent[]): Promise<void> {
    const batch = PIECE * PIECES_PER_FENCE;
    for (let start = 0; start < bytes; start += batch) {
      const end = Math.min(bytes, start + batch);
      const packets = Math.ceil((end - start) / PIECE);
      const putAll = (words: Uint32Array, first: number): number => {
        let at = first;
        for (let offset = start; offset < end; offset += PIECE)
          at = put(words, at, offset, Math.min(PIECE, end - offset));
        return at;
      };
      await this.#batch(packets * packetDwords, putAll, extents);
    }
  }

  /** Gives packets of `dwords` and a fence to the engine, and waits for that. */
  async #batch(
    dwords: number,
    put: (words: Uint32Array, at: number) => number,
    extents: readonly Extent[],
  ): Promise<void> {
    if (this.#lost !== undefined) throw this.#lostError(this.#lost);
    const port = this.#port;
    const place = this.#ring.take(dwords + PacketDwords.fence, port.fetched());
    // One batch is under way at a time, and a drained ring has room for each.
    if (place === undefined) throw this.#lose('the engine has not fetched what its fence says it has done');
    port.ring.fill(0, place.paddingIndex, place.paddingIndex + place.paddingDwords);
    this.#fence = this.#fence === LARGEST_FENCE ? 1 : this.#fence + 1;
    putFence(port.ring, put(port.ring, place.index), port.fenceAddress, this.#fence);
    port.submit(this.#ring.written);
    if (await port.waitForFence(this.#fence, HUNG_AFTER)) return;
    const event = port.event();
    if (event === undefined)
      throw this.#lose(`the GPU did not finish within ${HUNG_AFTER / 1000} s: it faults forever, or hangs`);
    if (event.kind === 'reset') throw this.#lose(`the GPU was reset (${event.reason})`);
    this.#lost = 'an access could not be served, after which the driver keeps the queues of this process stopped';
    throw faultOf(event.address, event.readOnly, extents);
  }

  #lose(reason: string): Error {
    this.#lost = reason;
    return this.#lostError(reason);
  }

  #lostError(reason: string): Error {
    return codedError('ERR_SVM_DEVICE_LOST', `the queue is lost: ${reason}`);
  }
}

/** KFD tells the page, not the access: a page that was only read-only was written, else it is that of the extent which holds it. */
function faultOf(address: bigint, readOnly: boolean, extents: readonly Extent[]): GpuFaultError {
  const holds = ({ address: first, bytes }: Extent): boolean =>
    address + 4096n > first && address < first + BigInt(bytes);
  const extent = extents.find((each) => holds(each) && (!readOnly || each.access === 'write')) ?? extents.at(-1)!;
  const reason = readOnly ? 'the page may not be written' : 'the driver found no page for it';
  return new GpuFaultError(address, readOnly ? 'write' : extent.access, reason);
}
