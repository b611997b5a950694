/** Lists of operations that the emulator and the C baseline execute alike: the same ones, from memory, in the same order. */

/** Numbers as `bench/native/baseline/main.c` has them. */
export const OperationKind = { set: 0, get: 1, map: 2, unmap: 3, fault: 4, collect: 5, newContext: 6 } as const;
export type OperationKind = (typeof OperationKind)[keyof typeof OperationKind];

/** Bytes of an operation in the file that the baseline loads. */
const FILE_BYTES = 24;

/** Operations as columns; all have first page and pages, SET and GET a type, SET a value. */
export class OperationList {
  readonly kinds: Uint8Array;
  readonly pages: Float64Array;
  readonly counts: Float64Array;
  readonly types: Uint8Array;
  readonly values: Uint8Array;
  #addresses: bigint[] | undefined;
  #sizes: bigint[] | undefined;
  #length = 0;

  constructor(capacity: number) {
    this.kinds = new Uint8Array(capacity);
    this.pages = new Float64Array(capacity);
    this.counts = new Float64Array(capacity);
    this.types = new Uint8Array(capacity);
    this.values = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** Byte addresses of the first pages, made once: what a caller makes is not to be measured. The list must be complete. */
  get addresses(): readonly bigint[] {
    return (this.#addresses ??= Array.from(this.pages, (page) => BigInt(page) << 12n));
  }

  /** Bytes; the list must be complete. */
  get sizes(): readonly bigint[] {
    return (this.#sizes ??= Array.from(this.counts, (pages) => BigInt(pages) << 12n));
  }

  add(kind: OperationKind, page = 0, count = 0, type = 0, value = 0): void {
    const index = this.#length++;
    if (index === this.kinds.length) throw new Error('the list of operations is full');
    this.kinds[index] = kind;
    this.pages[index] = page;
    this.counts[index] = count;
    this.types[index] = type;
    this.values[index] = value;
  }

  /** What the baseline loads. */
  encode(): Uint8Array {
    const bytes = new Uint8Array(this.#length * FILE_BYTES);
    const view = new DataView(bytes.buffer);
    for (let index = 0; index < this.#length; index++) {
      const at = index * FILE_BYTES;
      view.setFloat64(at, this.pages[index]!, true);
      view.setFloat64(at + 8, this.counts[index]!, true);
      view.setUint32(at + 16, this.kinds[index]!, true);
      view.setUint16(at + 20, this.types[index]!, true);
      view.setUint16(at + 22, this.values[index]!, true);
    }
    return bytes;
  }
}
