// Models: nothing - what is asked of an emulated GPU.
import { countArgument, wordArgument } from '../kernel/arguments.ts';
import type { EmulatedFile } from './file.ts';

/** A retry fault to raise. */
export interface FaultRequest {
  /** Byte address, u64; the fault concerns its page. */
  readonly address: bigint;
  readonly write: boolean;
  /** PASID of the VM; default: that of the file opened first. */
  readonly pasid?: number;
  /** 48-bit interrupt timestamp; default: the machine's clock in ns. */
  readonly timestamp?: number;
}

/** An access of a shader or DMA engine. */
export interface AccessRequest {
  /** First byte, u64. */
  readonly address: bigint;
  /** Length in bytes; 0 counts as 1. */
  readonly size: number | bigint;
  readonly write: boolean;
  readonly timestamp?: number;
  /** The file whose VM does the access; default: the one opened first. */
  readonly file?: EmulatedFile;
}

/** A buffer object in the GPU's address space. */
export interface BufferObjectRequest {
  /** First byte, u64. */
  readonly address: bigint;
  /** Bytes. */
  readonly size: number | bigint;
  /** The file whose VM it is mapped in; default: the one opened first. */
  readonly file?: EmulatedFile;
}

/** An interrupt timestamp in ticks, if given; the modelled code looks at its lower 48 bits. */
export function timestampArgument(timestamp: unknown): number | undefined {
  return timestamp === undefined ? undefined : countArgument('timestamp', timestamp);
}

/** Name of an interrupt ring. */
export function ringArgument(ring: unknown): void {
  wordArgument('ring', ring, ['ih1', 'soft']);
}

/** The file that has the PASID; undefined as PASID: the first one. */
export function fileOfPasid(files: readonly EmulatedFile[], pasid: number | undefined): EmulatedFile | undefined {
  return pasid === undefined ? files[0] : files.find(({ vm }) => vm.pasid === pasid);
}

/** The file that a call means. `ERR_SVM_NO_FILE` if there is none. */
export function openFileOf(what: string, file: EmulatedFile | undefined): EmulatedFile {
  if (file !== undefined) return file;
  throw Object.assign(new Error(`${what}: the device has no open file, so there is no GPU address space`), {
    code: 'ERR_SVM_NO_FILE',
  });
}
