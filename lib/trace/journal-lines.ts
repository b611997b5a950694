/** Journal entries of a machine as operations and answers of the trace format (spec/trace-format §3). */
import { protectionLetters } from '../uapi/protection.ts';
import type { JournalEntry } from '../../emulator/index.ts';
import type { SvmCall } from '../uapi/call.ts';
import { SvmOperation } from '../uapi/constants.ts';
import { accessAnswer, touchAnswer } from './answer.ts';
import type { TraceAnswer } from './answer.ts';
import { hex } from './hex.ts';

/** `{"NAME": {fields}}` */
export type OperationObject = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The operation of an ioctl: `set` or `get` where these can express it, else the raw form. */
export function operationOfIoctl(call: SvmCall): OperationObject {
  const { attributes } = call;
  const place = { addr: hex(call.address), size: hex(call.size) };
  if (call.pointer === 'ok' && attributes.length === call.attributeCount && attributes.length > 0) {
    if (call.operation === SvmOperation.setAttributes) return { set: { ...place, attrs: attributes } };
    if (call.operation === SvmOperation.getAttributes)
      return { get: { ...place, types: attributes.map(([type]) => type) } };
  }
  return { ioctl: { op: call.operation, ...place, nattr: call.attributeCount, ptr: call.pointer, attrs: attributes } };
}

/** The answer of an ioctl. */
export function answerOfIoctl(result: number, values: readonly number[] | undefined): TraceAnswer {
  return values === undefined ? { ret: result } : { ret: result, values };
}

/** The operation of a journal entry. */
export function operationOfEntry(entry: JournalEntry): OperationObject {
  switch (entry.name) {
    case 'mmap':
      return { mmap: { ...place(entry), prot: protectionLetters(entry.protection), kind: entry.kind } };
    case 'munmap':
      return { munmap: place(entry) };
    case 'dontneed':
      return { dontneed: place(entry) };
    case 'mprotect':
      return { mprotect: { ...place(entry), prot: protectionLetters(entry.protection) } };
    case 'touch':
      return { touch: { ...place(entry), write: entry.write } };
    case 'advance':
      return { advance: { ns: hex(entry.nanoseconds) } };
    case 'ioctl':
      return operationOfIoctl(entry);
    case 'fault':
      return {
        fault: {
          addr: hex(entry.address),
          write: entry.write,
          ...(entry.pasid === undefined ? {} : { pasid: entry.pasid }),
          ...(entry.timestamp === undefined ? {} : { ts: hex(entry.timestamp) }),
        },
      };
    case 'access':
      return {
        access: {
          ...place(entry),
          write: entry.write,
          ...(entry.timestamp === undefined ? {} : { ts: hex(entry.timestamp) }),
        },
      };
    case 'ih':
      return { ih: { ring: entry.ring, pending: entry.pending, ts: hex(entry.timestamp) } };
    default:
      return { [entry.name]: {} };
  }
}

/** The answer of a journal entry, without effects. */
export function answerOfEntry(entry: JournalEntry): TraceAnswer {
  switch (entry.name) {
    case 'touch':
      return touchAnswer(entry);
    case 'advance':
      return { ret: 0, clock: hex(entry.clock) };
    case 'ioctl':
      return answerOfIoctl(entry.result, entry.values);
    case 'access':
      return accessAnswer(entry.access);
    case 'gc':
      return { ret: 0, ran: entry.ran };
    case 'fini':
      return entry.left === undefined ? { ret: 0 } : { ret: 0, left: entry.left };
    default:
      return { ret: entry.result };
  }
}

function place(entry: { readonly address: bigint; readonly size: bigint }): { addr: string; len: string } {
  return { addr: hex(entry.address), len: hex(entry.size) };
}
