// Models: nothing - what was asked of a machine and what it answered, for recording (spec/trace-format §1, §3).
import type { AnsweredSvmCall } from '../../lib/uapi/call.ts';
import type { VmaKind } from '../mm/vma.ts';
import type { AccessResult } from '../svm/access.ts';
import type { EmulatedFile, LeftObjects } from './file.ts';

/** One operation with its answer. Addresses and sizes are bytes; `result` is 0 or a negative errno. */
export type JournalEntry =
  | {
      readonly name: 'mmap';
      readonly address: bigint;
      readonly size: bigint;
      readonly protection: number;
      readonly kind: VmaKind;
      /** Bytes from the address on to the end of the file; undefined: it reaches further than the mapping. */
      readonly fileSize: bigint | undefined;
      readonly result: number;
    }
  | {
      readonly name: 'mremap';
      readonly address: bigint;
      readonly size: bigint;
      readonly newSize: bigint;
      /** MREMAP_FIXED: the new address; undefined: it stays in place. */
      readonly target: bigint | undefined;
      readonly keepOld: boolean;
      readonly result: number;
    }
  | {
      readonly name: 'mlock' | 'munlock' | 'collapse';
      readonly address: bigint;
      readonly size: bigint;
      readonly result: number;
    }
  | {
      readonly name: 'swapout';
      readonly address: bigint;
      readonly size: bigint;
      readonly pages: number;
      readonly result: number;
    }
  | { readonly name: 'fork' | 'childexit'; readonly child: number; readonly result: number }
  | {
      readonly name: 'childwrite';
      readonly child: number;
      readonly address: bigint;
      readonly size: bigint;
      readonly result: number;
    }
  | { readonly name: 'munmap' | 'dontneed'; readonly address: bigint; readonly size: bigint; readonly result: number }
  | {
      readonly name: 'mprotect';
      readonly address: bigint;
      readonly size: bigint;
      readonly protection: number;
      readonly result: number;
    }
  | {
      readonly name: 'touch';
      readonly address: bigint;
      readonly size: bigint;
      readonly write: boolean;
      readonly result: number;
      readonly pages: number;
      readonly fresh: number;
      readonly back: number;
    }
  | {
      readonly name: 'pin' | 'unpin';
      readonly address: bigint;
      readonly size: bigint;
      readonly pages: number;
      readonly result: number;
    }
  | { readonly name: 'mmexit'; readonly result: number }
  | {
      readonly name: 'evict';
      /** Number of the device. */
      readonly device: number;
      readonly result: number;
    }
  | {
      readonly name: 'vram';
      readonly device: number;
      readonly bytes: bigint;
      /** Number of the first page, or a negative errno. */
      readonly result: number;
    }
  | { readonly name: 'vramfree'; readonly device: number; readonly offset: number; readonly result: number }
  | { readonly name: 'advance'; readonly nanoseconds: number; readonly clock: number; readonly result: number }
  | ({ readonly name: 'ioctl'; readonly file: EmulatedFile } & AnsweredSvmCall)
  | {
      readonly name: 'fault';
      /** Number of the device. */
      readonly device: number;
      /** Undefined: the device knows no such PASID. */
      readonly file: EmulatedFile | undefined;
      readonly address: bigint;
      readonly write: boolean;
      readonly pasid: number | undefined;
      readonly timestamp: number | undefined;
      readonly result: number;
    }
  | {
      readonly name: 'access';
      readonly file: EmulatedFile;
      readonly address: bigint;
      readonly size: bigint;
      readonly write: boolean;
      readonly timestamp: number | undefined;
      readonly access: AccessResult;
      readonly result: number;
    }
  | {
      readonly name: 'bomap';
      readonly file: EmulatedFile;
      readonly address: bigint;
      readonly size: bigint;
      readonly result: number;
    }
  | { readonly name: 'bounmap'; readonly file: EmulatedFile; readonly address: bigint; readonly result: number }
  | { readonly name: 'gc'; readonly file: EmulatedFile; readonly ran: boolean; readonly result: number }
  | {
      readonly name: 'work';
      readonly file: EmulatedFile;
      readonly ran: readonly ('gc' | 'restore')[];
      readonly result: number;
    }
  | {
      readonly name: 'kfd';
      readonly file: EmulatedFile;
      readonly quiesce: number | undefined;
      readonly resume: number | undefined;
      readonly result: number;
    }
  | {
      readonly name: 'ih';
      /** Number of the device. */
      readonly device: number;
      readonly ring: 'ih1' | 'soft';
      readonly pending: boolean;
      readonly timestamp: number;
      readonly result: number;
    }
  | {
      readonly name: 'gpureset';
      /** Number of the device. */
      readonly device: number;
      readonly on: boolean;
      readonly result: number;
    }
  | {
      readonly name: 'close' | 'fini';
      readonly file: EmulatedFile;
      readonly result: number;
      readonly left?: LeftObjects;
    };

/** Receives every operation of a machine in the order of their ends. */
export interface OperationJournal {
  /** An operation has ended; an ioctl with the result 1 sleeps and is completed later. */
  record(entry: JournalEntry): void;
  /** The ioctl that was recorded as `slept` has ended after all. */
  complete(slept: JournalEntry, ended: JournalEntry): void;
}
