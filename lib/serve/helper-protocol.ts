/** The frames between Node and the FUSE helper; native/fuse/messages.h is the other end and has the table. */

import { codedError } from '../uapi/errors.ts';
import type { Caller } from './client-process.ts';

/** What the helper says. */
export type HelperMessage =
  | { readonly kind: 'ready' }
  | HelperOpen
  | HelperIoctl
  | { readonly kind: 'release'; readonly file: number }
  | { readonly kind: 'write-fault'; readonly id: number }
  /** The thread that waits for an ioctl got a signal. */
  | { readonly kind: 'interrupted'; readonly id: number };

/** An open that a client waits for. */
export interface HelperOpen {
  readonly kind: 'open';
  readonly id: number;
  readonly file: number;
  readonly node: number;
  /** Who opens, as the kernel says. */
  readonly caller: Caller;
  /** The errno of opening the caller's memory with the caller's credentials, 0 if that worked. */
  readonly memoryErrno: number;
}

/** An ioctl that a client waits for. */
export interface HelperIoctl {
  readonly kind: 'ioctl';
  readonly id: number;
  readonly file: number;
  /** The calling thread, whose memory pointers of this call mean. */
  readonly thread: number;
  /** Request number, u32. */
  readonly request: number;
  /** What the kernel copied from the caller: empty where the request number has no write direction. */
  readonly argument: Uint8Array;
  /**
   * The bytes behind `attrs_ptr`, 'fault' if they could not be read, undefined if nobody needs them. Of ACQUIRE_VM the number
   * (u64) of the file behind its descriptor, 'fault' if that is none of ours, undefined if the system does not tell.
   */
  readonly records: Uint8Array | 'fault' | undefined;
}

/** Bytes to write to the memory of the caller; what can't be written makes the result EFAULT. */
export interface CallerWrite {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

const HEADER_BYTES = 16;
const KINDS = {
  ready: 1,
  open: 2,
  ioctl: 3,
  release: 4,
  writeFault: 5,
  interrupted: 6,
  opened: 16,
  answer: 17,
  keep: 18,
  forget: 19,
} as const;
const RECORDS_READ = 1;
const RECORDS_FAULT = 2;

/** Cuts the stream of the helper into messages. */
export class HelperMessages {
  #rest: Uint8Array = new Uint8Array(0);

  /** Adds a chunk and returns the messages that are complete now. */
  push(chunk: Uint8Array): HelperMessage[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const messages: HelperMessage[] = [];
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const length = view.getUint32(at, true);
      if (length < HEADER_BYTES) throw codedError('ERR_SVM_HELPER', `the FUSE helper sent a frame of ${length} bytes`);
      if (bytes.length - at < length) break;
      messages.push(decode(bytes, view, at, length));
      at += length;
    }
    this.#rest = bytes.subarray(at);
    return messages;
  }
}

function decode(bytes: Uint8Array, view: DataView, at: number, length: number): HelperMessage {
  const kind = view.getUint32(at + 4, true);
  const id = Number(view.getBigUint64(at + 8, true));
  const body = at + HEADER_BYTES;
  const file = length >= HEADER_BYTES + 8 ? Number(view.getBigUint64(body, true)) : 0;
  switch (kind) {
    case KINDS.ready:
      return { kind: 'ready' };
    case KINDS.open:
      return {
        kind: 'open',
        id,
        file,
        caller: {
          thread: view.getUint32(body + 8, true),
          user: view.getUint32(body + 16, true),
          group: view.getUint32(body + 20, true),
        },
        node: view.getUint32(body + 12, true),
        memoryErrno: view.getUint32(body + 24, true),
      };
    case KINDS.release:
      return { kind: 'release', file };
    case KINDS.writeFault:
      return { kind: 'write-fault', id };
    case KINDS.interrupted:
      return { kind: 'interrupted', id };
    case KINDS.ioctl: {
      const state = view.getUint32(body + 16, true);
      const argumentEnd = body + 28 + view.getUint32(body + 20, true);
      const recordsEnd = argumentEnd + view.getUint32(body + 24, true);
      return {
        kind: 'ioctl',
        id,
        file,
        thread: view.getUint32(body + 8, true),
        request: view.getUint32(body + 12, true),
        // Copies: the emulator changes them in place, and the chunk holds frames of other clients.
        argument: new Uint8Array(bytes.subarray(body + 28, argumentEnd)),
        records:
          state === RECORDS_READ
            ? new Uint8Array(bytes.subarray(argumentEnd, recordsEnd))
            : state === RECORDS_FAULT
              ? 'fault'
              : undefined,
      };
    }
    default:
      throw codedError('ERR_SVM_HELPER', `the FUSE helper sent a frame of unknown kind ${kind}`);
  }
}

/** The answer to an open: 0 or a negative errno. */
export function encodeOpened(id: number, result: number): Uint8Array {
  const bytes = Buffer.alloc(HEADER_BYTES + 4);
  writeHeader(bytes, KINDS.opened, id);
  bytes.writeInt32LE(result, HEADER_BYTES);
  return bytes;
}

/** The answer to an ioctl: its result, the argument as it is copied back, and what goes to pointers of the caller. */
export function encodeAnswer(
  id: number,
  result: number,
  argument: Uint8Array,
  writes: readonly CallerWrite[],
): Uint8Array {
  const length = writes.reduce((sum, write) => sum + 12 + write.bytes.length, HEADER_BYTES + 12 + argument.length);
  const bytes = Buffer.alloc(length);
  writeHeader(bytes, KINDS.answer, id);
  let at = bytes.writeInt32LE(result, HEADER_BYTES);
  at = bytes.writeUInt32LE(argument.length, at);
  at = bytes.writeUInt32LE(writes.length, at);
  bytes.set(argument, at);
  at += argument.length;
  for (const write of writes) {
    at = bytes.writeBigUInt64LE(write.address, at);
    at = bytes.writeUInt32LE(write.bytes.length, at);
    bytes.set(write.bytes, at);
    at += write.bytes.length;
  }
  return bytes;
}

/**
 * The helper is to keep what is written to `bytes` bytes of a file of the directory (or not any more). `listener`: who hears of
 * these doorbells, else 0.
 */
export function encodeKept(kept: boolean, file: number, offset: bigint, bytes: number, listener = 0): Uint8Array {
  const frame = Buffer.alloc(HEADER_BYTES + 24);
  writeHeader(frame, kept ? KINDS.keep : KINDS.forget, 0);
  let at = frame.writeUInt32LE(file, HEADER_BYTES);
  at = frame.writeBigUInt64LE(offset, at);
  at = frame.writeBigUInt64LE(BigInt(bytes), at);
  frame.writeUInt32LE(listener, at);
  return frame;
}

function writeHeader(bytes: Buffer, kind: number, id: number): void {
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt32LE(kind, 4);
  bytes.writeBigUInt64LE(BigInt(id), 8);
}
