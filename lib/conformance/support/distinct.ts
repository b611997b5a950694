/** Which values a piece of memory has. */

type Values = Uint8Array | Int32Array | Float32Array | Float64Array;

/** Whether each value has the same bytes as the next one, as in most memory of a case: one comparison of memory with itself. */
function areAlike(values: Values): boolean {
  const { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT } = values;
  if (byteLength === 0) return true;
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return Buffer.compare(bytes.subarray(BYTES_PER_ELEMENT), bytes.subarray(0, byteLength - BYTES_PER_ELEMENT)) === 0;
}

/** The values, each once, in the order of their first places. */
export function distinct(values: Values): number[] {
  return areAlike(values) ? [...values.subarray(0, 1)] : [...new Set<number>(values)];
}

/** Whether all of them are `wanted`; true of none. */
export function allAre(values: Values, wanted: number): boolean {
  return areAlike(values) && (values[0] ?? wanted) === wanted;
}
