/** Errors that are raised before anything reaches a device. `code` is the contract, the text is for people. */

/** Codes of errors that are raised before anything reaches the device. */
export type ArgumentErrorCode =
  | 'ERR_SVM_INVALID_TYPE'
  | 'ERR_SVM_OUT_OF_RANGE'
  | 'ERR_SVM_UNKNOWN_ATTRIBUTE'
  | 'ERR_SVM_INVALID_VALUE'
  | 'ERR_SVM_INVALID_OPTION';

/** A TypeError with a code. */
export function typeError(code: ArgumentErrorCode, message: string): TypeError {
  return Object.assign(new TypeError(message), { code });
}

/** A RangeError with a code. */
export function rangeError(code: ArgumentErrorCode, message: string): RangeError {
  return Object.assign(new RangeError(message), { code });
}

/** An Error with a code of this package. */
export function codedError(
  code: `ERR_SVM_${string}`,
  message: string,
  options?: ErrorOptions,
): Error & { code: string } {
  return Object.assign(new Error(message, options), { code });
}

/** A value as it is shown in a complaint: short, and never a surprise. */
export function show(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return String(value);
}

/** A function that is called later; TypeError (`ERR_SVM_INVALID_TYPE`) that begins with `name` for anything else. */
export function assertFunction(name: string, value: unknown): void {
  if (typeof value !== 'function')
    throw typeError('ERR_SVM_INVALID_TYPE', `${name}: expected a function, got ${show(value)}`);
}
