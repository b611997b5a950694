/** Reserved addresses: `hsa_amd_vmem_address_reserve` with NO_REGISTER, the memory that can be discarded (spec/hsa §6). */
import { codedError } from '../uapi/errors.ts';
import type { HostBuffer } from '../device/host-memory.ts';
import { addressOf, sizeOf } from '../uapi/range.ts';
import type { ByteRange } from '../uapi/range.ts';
import { NotModelledError } from '../device/emulated.ts';
import { PAGE_SIZE } from '../uapi/constants.ts';
import { AddressTable } from './address-table.ts';
import type { AgentTable } from './agent.ts';
import { u64Of } from './arguments.ts';
import { HsaPointerType, HsaVmemFlag } from './constants.ts';
import { HsaError, HsaStatus } from './error.ts';
import { assertGpus } from './gpu-call.ts';

/** What is known of a pointer. */
export interface HsaPointerInfo {
  /** A `HsaPointerType`. */
  readonly type: number;
  /** First byte of the reservation or locked range that the pointer is in; 0n if the type is unknown. */
  readonly address: bigint;
  /** Bytes of the reservation, as asked for; 0 if the type is unknown. */
  readonly size: number;
}

/** Memory of the runtime. */
export class Reservation {
  readonly buffer: HostBuffer;
  /** Bytes, as asked for. */
  readonly size: number;
  readonly page: number;
  readonly end: bigint;

  constructor(buffer: HostBuffer, size: number) {
    this.buffer = buffer;
    this.size = size;
    this.page = Number(buffer.address >> 12n);
    this.end = buffer.address + BigInt(size);
  }

  /**
   * Throws the contents of a range away: of each page of which no byte outside of the
   * range belongs to the reservation, so that nothing else is lost. What madvise does
   * with the rest of a page is not said.
   */
  discard({ address, size }: ByteRange): void {
    const first = pageUp(Number(address - this.buffer.address));
    const last = address + size >= this.end ? this.buffer.size : pageDown(Number(address + size - this.buffer.address));
    if (first < last) this.buffer.discard(first, last - first);
  }
}

const PAGE = BigInt(PAGE_SIZE);
const LARGEST = BigInt(Number.MAX_SAFE_INTEGER) - PAGE;
const UNKNOWN: HsaPointerInfo = { type: HsaPointerType.unknown, address: 0n, size: 0 };

/** The reservations of one runtime. */
export class Reservations {
  readonly #agents: AgentTable;
  readonly #table = new AddressTable<Reservation>();

  constructor(agents: AgentTable) {
    this.#agents = agents;
  }

  reserve(size: number | bigint, address: bigint, flags: number | bigint): HostBuffer {
    const bytes = sizeOf('size', size);
    const hint = addressOf('address', address);
    const bits = u64Of('flags', flags);
    if (bytes === 0n) throw new HsaError(HsaStatus.invalidArgument, '0 bytes', { field: 'size' });
    if (bits !== BigInt(HsaVmemFlag.noRegister)) {
      if (bits !== 0n)
        throw new HsaError(HsaStatus.invalidArgument, `expected HsaVmemFlag.noRegister (1), got ${bits}`, {
          field: 'flags',
        });
      throw new NotModelledError(
        'hsa_amd_vmem_address_reserve without NO_REGISTER',
        'addresses without memory, for hsa_amd_vmem_map',
      );
    }
    const { gpuAgents } = this.#agents;
    assertGpus(gpuAgents);
    if (bytes > LARGEST) throw new HsaError(HsaStatus.outOfResources, `${bytes} bytes can't be mapped`);
    const device = gpuAgents[0]!.device!;
    if (device.closed) throw codedError('ERR_SVM_CLOSED', 'devices[0]: the device is closed');
    let buffer: HostBuffer;
    try {
      buffer = device.memory.map(((bytes + PAGE - 1n) / PAGE) * PAGE, hint === 0n ? {} : { hint });
    } catch (error) {
      throw new HsaError(HsaStatus.outOfResources, (error as Error).message);
    }
    this.#table.insert(new Reservation(buffer, Number(bytes)));
    return buffer;
  }

  /** INVALID_ALLOCATION for what is no begin of a reservation, INVALID_ARGUMENT for another size than was reserved. */
  free(address: bigint, size: number | bigint): void {
    const first = addressOf('address', address);
    const bytes = sizeOf('size', size);
    const found = this.#table.find(first);
    if (found?.buffer.address !== first) {
      throw new HsaError(HsaStatus.invalidAllocation, `no reservation begins at 0x${first.toString(16)}`, {
        field: 'address',
      });
    }
    if (BigInt(found.size) !== bytes) {
      throw new HsaError(
        HsaStatus.invalidArgument,
        `expected the ${found.size} bytes that were reserved, got ${bytes}`,
        { field: 'size' },
      );
    }
    this.#table.remove(found);
    found.buffer.unmap();
  }

  info(address: bigint): HsaPointerInfo {
    const found = this.#table.find(addressOf('address', address));
    return found === undefined
      ? UNKNOWN
      : { type: HsaPointerType.reservedAddress, address: found.buffer.address, size: found.size };
  }

  /** The reservation that contains a range; undefined if none contains all of it, or its owner has unmapped it. */
  containing({ address, size }: ByteRange): Reservation | undefined {
    const found = this.#table.find(address);
    return found === undefined || found.buffer.unmapped || address + size > found.end ? undefined : found;
  }

  /** Unmaps what was not freed. */
  close(): void {
    for (const reservation of this.#table.all()) {
      this.#table.remove(reservation);
      reservation.buffer.unmap();
    }
  }
}

function pageUp(offset: number): number {
  return Math.ceil(offset / PAGE_SIZE) * PAGE_SIZE;
}

function pageDown(offset: number): number {
  return Math.floor(offset / PAGE_SIZE) * PAGE_SIZE;
}
