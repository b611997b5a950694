/**
 * The C library of this process through ffi-rs, an optional package: a way to
 * ioctl(2) for machines with neither a prebuilt addon nor a compiler. Asked for
 * explicitly only: it is slower than the addon by an order of magnitude.
 */
import { codedError } from '../uapi/errors.ts';
import { createRequire } from 'node:module';

/** Types of parameters and results that are used here; the numbers are those of ffi-rs. */
export const FfiType = { int: 1, long: 8, bytes: 10, size: 12, address: 16 } as const;
export type FfiType = (typeof FfiType)[keyof typeof FfiType];

/** What is used of ffi-rs; its own declarations would make the package's types depend on it. */
interface FfiRs {
  readonly DataType: Readonly<Record<'I32' | 'I64' | 'U8Array' | 'U64' | 'BigInt', number>>;
  open(library: { readonly library: string; readonly path: string }): void;
  load(call: FfiCall): unknown;
}

interface FfiCall {
  readonly library: string;
  readonly funcName: string;
  readonly retType: number;
  readonly paramsType: readonly number[];
  readonly paramsValue: readonly unknown[];
  readonly errno: true;
  readonly runInNewThread?: boolean;
}

interface FfiAnswer {
  readonly value: number | bigint;
  readonly errnoCode: number;
}

/** A parameter: numbers and addresses by value, bytes by reference. */
export type FfiArgument = readonly [type: FfiType, value: number | bigint | Uint8Array];

const LIBRARY = 'amdgpu-svm:libc';

/** Functions of the C library. */
export class LibC {
  readonly #ffi: FfiRs;

  constructor(ffi: FfiRs) {
    this.#ffi = ffi;
    const { DataType } = ffi;
    const known = [DataType.I32, DataType.I64, DataType.U8Array, DataType.U64, DataType.BigInt];
    if (known.join() !== [FfiType.int, FfiType.long, FfiType.bytes, FfiType.size, FfiType.address].join()) {
      throw codedError('ERR_SVM_NO_FFI', 'ffi-rs numbers its types differently in this version');
    }
    // The path '' is the program itself, which has the C library loaded whatever its file is called.
    ffi.open({ library: LIBRARY, path: '' });
  }

  /** Calls a function that answers an int: the answer, or a negative errno for -1. errno is read in the same call. */
  call(name: string, ...parameters: readonly FfiArgument[]): number {
    return resultOf(this.#ffi.load(describe(name, FfiType.int, parameters)) as FfiAnswer);
  }

  /** The same on a thread of its own. */
  async callAsync(name: string, ...parameters: readonly FfiArgument[]): Promise<number> {
    return resultOf(
      (await this.#ffi.load({ ...describe(name, FfiType.int, parameters), runInNewThread: true })) as FfiAnswer,
    );
  }

  /** Calls a function that answers an address: the address, or a negative errno for (void *)-1. */
  callForAddress(name: string, ...parameters: readonly FfiArgument[]): bigint | number {
    const { value, errnoCode } = this.#ffi.load(describe(name, FfiType.address, parameters)) as FfiAnswer;
    const address = BigInt.asUintN(64, BigInt(value));
    return address === 0xffff_ffff_ffff_ffffn ? -errnoCode : address;
  }

  /** Copies bytes of JavaScript to an address; the memory there has to be writable. */
  copyTo(address: bigint, source: Uint8Array): void {
    if (source.length === 0) return;
    this.callForAddress('memcpy', [FfiType.address, address], [FfiType.bytes, source], [FfiType.size, source.length]);
  }

  /** Copies from an address to bytes of JavaScript; the memory there has to be readable. */
  copyFrom(address: bigint, target: Uint8Array): void {
    if (target.length === 0) return;
    this.callForAddress('memcpy', [FfiType.bytes, target], [FfiType.address, address], [FfiType.size, target.length]);
  }
}

function describe(name: string, result: FfiType, parameters: readonly FfiArgument[]): FfiCall {
  return {
    library: LIBRARY,
    funcName: name,
    retType: result,
    paramsType: parameters.map(([type]) => type),
    paramsValue: parameters.map(([, value]) => value),
    errno: true,
  };
}

function resultOf({ value, errnoCode }: FfiAnswer): number {
  return Number(value) === -1 ? -errnoCode : Number(value);
}

/** Whether the ffi backend can work in this process. */
export interface FfiSupport {
  readonly available: boolean;
  /** One sentence. */
  readonly reason: string;
}

let found: { readonly support: FfiSupport; readonly library?: LibC } | undefined;

function find(): { readonly support: FfiSupport; readonly library?: LibC } {
  const unavailable = (reason: string) => ({ support: { available: false, reason } });
  if (process.platform !== 'linux') return unavailable(`the ffi backend is for Linux, this is ${process.platform}`);
  // ioctl(2) is variadic; that calling it like any function works is a property of these two.
  if (process.arch !== 'x64' && process.arch !== 'arm64')
    return unavailable(`the ffi backend is for x64 and arm64, this is ${process.arch}`);
  try {
    const library = new LibC(createRequire(import.meta.url)('ffi-rs') as FfiRs);
    return { support: { available: true, reason: 'ffi-rs was loaded' }, library };
  } catch (error) {
    const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return unavailable(`the optional package ffi-rs can't be loaded: ${line}`);
  }
}

/** Whether ffi-rs is there. Never throws; looks once. */
export function ffiSupport(): FfiSupport {
  found ??= find();
  return found.support;
}

/** The C library; throws an `Error` with code `ERR_SVM_NO_FFI` and the reason of `ffiSupport` when there is none. */
export function libC(): LibC {
  found ??= find();
  if (found.library) return found.library;
  throw Object.assign(new Error(found.support.reason), { code: 'ERR_SVM_NO_FFI' });
}
