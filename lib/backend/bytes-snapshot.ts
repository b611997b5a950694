/**
 * Bytes of JavaScript, read once. A subclass can answer `length` or `slice` as it likes, a getter differently each time,
 * and a resizable buffer grows: whoever asks twice checks one thing and uses another. Here only the engine itself is
 * asked, once, and what is used afterwards is a copy that nobody else has.
 */
import { types } from 'node:util';

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
const getterOf = (name: string): (() => unknown) => Object.getOwnPropertyDescriptor(typedArray, name)!.get!;
const [lengthGetter, bufferGetter] = [getterOf('length'), getterOf('buffer')];
const setMethod = Uint8Array.prototype.set;

/** A Uint8Array of a caller and its bytes at one moment. */
export interface BytesSnapshot {
  /** Whose bytes they were. */
  readonly owner: Uint8Array;
  /** A plain array on a buffer of its own. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Copies the bytes of `value`. Throws a TypeError (`ERR_SVM_INVALID_TYPE`) that begins with `name` for anything but a
 * Uint8Array (a Buffer is one) with at least one byte, attached and not shared. Runs no code of the caller.
 */
export function bytesSnapshot(name: string, value: unknown): BytesSnapshot {
  // A look at the object itself: `instanceof` believes the prototype.
  if (!types.isUint8Array(value)) throw invalid(`${name}: must be a Uint8Array`);
  if (types.isSharedArrayBuffer(Reflect.apply(bufferGetter, value, [])))
    throw invalid(`${name}: must not be backed by a SharedArrayBuffer`);
  const length = currentLength(value);
  if (length === 0) throw invalid(`${name}: must have at least one byte, attached to its ArrayBuffer`);
  const bytes = new Uint8Array(length);
  Reflect.apply(setMethod, bytes, [value]);
  return { owner: value, bytes };
}

/** Copies `bytes` to their owner; not if that has another length by now, or was detached. */
export function giveBack({ owner, bytes }: BytesSnapshot): void {
  if (currentLength(owner) === bytes.length) Reflect.apply(setMethod, owner, [bytes]);
}

function currentLength(bytes: Uint8Array): number {
  return Reflect.apply(lengthGetter, bytes, []) as number;
}

function invalid(message: string): Error {
  return Object.assign(new TypeError(message), { code: 'ERR_SVM_INVALID_TYPE' });
}
