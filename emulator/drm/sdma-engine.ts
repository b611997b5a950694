// Models: an SDMA engine 4.x that executes the packets of a ring (spec/kfd-queue §7), over any memory.
import { atomicOfCode } from '../../lib/uapi/atomic.ts';
import type { Atomic } from '../../lib/uapi/atomic.ts';
import { FillSize, PacketDwords, PollFunction, SdmaOperation } from '../../lib/uapi/sdma.ts';
import { NotModelledError } from '../kernel/not-modelled.ts';

/** What the engine reads and writes: addresses in bytes of the GPU's address space. */
export interface SdmaMemory {
  /** The bytes from `address` on. */
  read(address: bigint, bytes: number): Uint8Array;
  /** Writes `data` from `address` on. */
  write(address: bigint, data: Uint8Array): void;
  /** Changes the word at `address`, a multiple of its bytes. */
  atomic(address: bigint, atomic: Atomic): void;
}

/** What else the engine does. */
export interface SdmaSurroundings {
  /** A TRAP: an interrupt with its context id, 28 bits. */
  trap(context: number): void;
  /** The clock of TIMESTAMP packets, u64. */
  timestamp(): bigint;
}

const LOW_DWORD = 0xffff_ffffn;

/** Executes packets one after the other. */
export class SdmaEngine {
  readonly #memory: SdmaMemory;
  readonly #surroundings: SdmaSurroundings;
  /** Index that `execute` came to: of the packet under way, where memory threw. */
  at = 0;

  constructor(memory: SdmaMemory, surroundings: SdmaSurroundings) {
    this.#memory = memory;
    this.#surroundings = surroundings;
  }

  /**
   * Executes the packets `words[from, to)`; returns the index that it came to: `to`, or that of a POLL_REGMEM whose
   * memory does not have the value yet. A packet that is not modelled, or reaches over the end, throws NotModelledError.
   */
  execute(words: Uint32Array, from: number, to: number): number {
    this.at = from;
    while (this.at < to) {
      const { at } = this;
      const dwords = packetDwords(words, at);
      if (at + dwords > to)
        throw new NotModelledError(`an SDMA packet over the end of what was submitted (${describe(words[at]!)})`);
      if (!this.#packet(words, at)) return at;
      this.at += dwords;
    }
    return this.at;
  }

  /** False: it has to wait. */
  #packet(words: Uint32Array, at: number): boolean {
    const header = words[at]!;
    switch (header & 0xff) {
      case SdmaOperation.copy: {
        const data = this.#memory.read(addressAt(words, at + 3), (words[at + 1]! & 0x3f_ffff) + 1);
        this.#memory.write(addressAt(words, at + 5), data);
        if (isBroadcast(header)) this.#memory.write(addressAt(words, at + 7), data);
        return true;
      }
      case SdmaOperation.fill:
        this.#memory.write(
          addressAt(words, at + 1),
          fillData(header >>> 30, words[at + 3]!, words[at + 4]! & 0x3f_ffff),
        );
        return true;
      case SdmaOperation.write:
        this.#memory.write(
          addressAt(words, at + 1),
          bytesOf(words, at + PacketDwords.writeHeader, (words[at + 3]! & 0xf_ffff) + 1),
        );
        return true;
      case SdmaOperation.fence:
        this.#memory.write(addressAt(words, at + 1), bytesOf(words, at + 3, 1));
        return true;
      case SdmaOperation.trap:
        this.#surroundings.trap(words[at + 1]! & 0x0fff_ffff);
        return true;
      case SdmaOperation.pollMemory:
        return this.#poll(words, at);
      case SdmaOperation.atomic:
        this.#memory.atomic(addressAt(words, at + 1), atomicAt(words, at));
        return true;
      case SdmaOperation.timestamp: {
        const now = this.#surroundings.timestamp();
        this.#memory.write(
          addressAt(words, at + 1),
          bytesOf(Uint32Array.of(Number(now & LOW_DWORD), Number((now >> 32n) & LOW_DWORD)), 0, 2),
        );
        return true;
      }
      default:
        return true;
    }
  }

  #poll(words: Uint32Array, at: number): boolean {
    if (pollFunction(words[at]!) === PollFunction.always) return true;
    const bytes = this.#memory.read(addressAt(words, at + 1), 4);
    const value = (new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true) & words[at + 4]!) >>> 0;
    const reference = words[at + 3]!;
    switch (pollFunction(words[at]!)) {
      case PollFunction.less:
        return value < reference;
      case PollFunction.lessOrEqual:
        return value <= reference;
      case PollFunction.equal:
        return value === reference;
      case PollFunction.notEqual:
        return value !== reference;
      case PollFunction.greaterOrEqual:
        return value >= reference;
      case PollFunction.greater:
        return value > reference;
      default:
        return true;
    }
  }
}

/** Length of the packet at `at`; throws NotModelledError for one that the engine does not know. */
function packetDwords(words: Uint32Array, at: number): number {
  const header = words[at]!;
  const subOperation = (header >>> 8) & 0xff;
  switch (header & 0xff) {
    case SdmaOperation.nop:
      return 1 + ((header >>> 16) & 0x3fff);
    case SdmaOperation.copy:
      if (subOperation !== 0) break;
      return isBroadcast(header) ? PacketDwords.broadcastCopy : PacketDwords.copy;
    case SdmaOperation.fill:
      if (header >>> 30 === 3) break;
      return PacketDwords.fill;
    case SdmaOperation.write:
      if (subOperation !== 0) break;
      return PacketDwords.writeHeader + (words[at + 3]! & 0xf_ffff) + 1;
    case SdmaOperation.fence:
      return PacketDwords.fence;
    case SdmaOperation.trap:
      return PacketDwords.trap;
    case SdmaOperation.pollMemory:
      // Registers are not modelled; a flush of the host data path asks for none.
      if (header >>> 31 !== 1 && pollFunction(header) !== PollFunction.always) break;
      return PacketDwords.pollMemory;
    case SdmaOperation.atomic:
      if (atomicOfCode(header >>> 25) === undefined)
        throw new NotModelledError(`the atomic operation ${header >>> 25} of an SDMA packet (${describe(header)})`);
      if (((header >>> 16) & 1) === 1)
        throw new NotModelledError(`an atomic operation in a loop (${describe(header)})`);
      return PacketDwords.atomic;
    case SdmaOperation.timestamp:
      if (subOperation !== 2) break;
      return PacketDwords.timestamp;
  }
  throw new NotModelledError(`an SDMA packet that the engine does not know (${describe(header)})`);
}

function describe(header: number): string {
  return `header 0x${header.toString(16).padStart(8, '0')}: operation ${header & 0xff}, ${(header >>> 8) & 0xff}`;
}

function pollFunction(header: number): number {
  return (header >>> 28) & 7;
}

function isBroadcast(header: number): boolean {
  return ((header >>> 27) & 1) === 1;
}

function addressAt(words: Uint32Array, at: number): bigint {
  return (BigInt(words[at + 1]!) << 32n) | BigInt(words[at]!);
}

/** What an ATOMIC does, whose code is known. */
function atomicAt(words: Uint32Array, at: number): Atomic {
  const { operation, bits } = atomicOfCode(words[at]! >>> 25)!;
  const operand = (index: number): bigint => (bits === 64 ? addressAt(words, index) : BigInt(words[index]!));
  return { operation, bits, value: operand(at + 3), compare: operand(at + 5) };
}

/** `count`: bytes less one, or less four where the pattern is a dword. */
function fillData(size: number, pattern: number, count: number): Uint8Array {
  const bytes = size === FillSize.dword ? (count + 4) & ~3 : count + 1;
  const unit = size === FillSize.word ? 2 : 4;
  const data = new Uint8Array(bytes);
  for (let index = 0; index < Math.min(unit, bytes); index++) data[index] = pattern >>> (index * 8);
  // What is there doubles: a loop over the bytes would take longer than writing them.
  for (let filled = unit; filled < bytes; filled *= 2) data.copyWithin(filled, 0, filled);
  return data;
}

/** Dwords as the engine's bytes: little endian, whatever the host has. */
function bytesOf(words: Uint32Array, from: number, count: number): Uint8Array {
  const bytes = new Uint8Array(count * 4);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < count; index++) view.setUint32(index * 4, words[from + index]!, true);
  return bytes;
}
