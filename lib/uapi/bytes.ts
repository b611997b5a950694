/** Bytes as callers give them: a typed array or DataView, of this realm or another one. */
import { show, typeError } from './errors.ts';

/** The bytes of any view; nothing is copied. TypeError (`ERR_SVM_INVALID_TYPE`) that begins with `name` for anything else. */
export function bytesOf(name: string, value: unknown): Uint8Array {
  // `isView` looks at the object itself: `instanceof` knows only the classes of this realm (node:vm, Jest).
  if (!ArrayBuffer.isView(value)) {
    throw typeError('ERR_SVM_INVALID_TYPE', `${name}: expected a typed array or a DataView, got ${show(value)}`);
  }
  return value instanceof Uint8Array ? value : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}
