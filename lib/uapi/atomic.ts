/** Atomic operations of the SDMA engines: names, codes, and what they make of a word (spec/kfd-queue §7). */

/** Codes of the operations on 32 bits (`atomic_op`, bits 31:25 of an atomic packet). */
const CODES = {
  swap: 7,
  'compare-swap': 8,
  add: 15,
  subtract: 16,
  'signed-min': 17,
  'unsigned-min': 18,
  'signed-max': 19,
  'unsigned-max': 20,
  and: 21,
  or: 22,
  xor: 23,
  increment: 24,
  decrement: 25,
} as const;
/** What is added to a code for 64 bits. */
const FOR_64_BITS = 32;

/**
 * What a GPU does to a word in memory, modulo its width:
 * - `swap`: the value; `compare-swap`: the value if the word is `compare`;
 * - `add`, `subtract`, `and`, `or`, `xor`; the least and the greatest of both, as signed or unsigned numbers;
 * - `increment`: one more, or 0 where the word is the value or above; `decrement`: one less, or the value where the word is 0 or above the value.
 */
export type AtomicOperation = keyof typeof CODES;

export const ATOMIC_OPERATIONS = Object.keys(CODES) as readonly AtomicOperation[];

/** PCIe has these alone: FetchAdd, Swap and CAS. */
export const PCIE_ATOMICS: readonly AtomicOperation[] = ['add', 'swap', 'compare-swap'];

export interface Atomic {
  readonly operation: AtomicOperation;
  /** Width of the word. */
  readonly bits: 32 | 64;
  /** Unsigned, of that width; as is `compare`, which only compare-swap looks at. */
  readonly value: bigint;
  readonly compare: bigint;
}

export function atomicCode({ operation, bits }: Pick<Atomic, 'operation' | 'bits'>): number {
  return CODES[operation] + (bits === 64 ? FOR_64_BITS : 0);
}

const BY_CODE: ReadonlyMap<number, Pick<Atomic, 'operation' | 'bits'>> = new Map(
  ATOMIC_OPERATIONS.flatMap((operation) =>
    ([32, 64] as const).map((bits) => [atomicCode({ operation, bits }), { operation, bits }] as const),
  ),
);

/** The operation of a code; undefined for those on floating point numbers, and for what is no atomic operation. */
export function atomicOfCode(code: number): Pick<Atomic, 'operation' | 'bits'> | undefined {
  return BY_CODE.get(code);
}

/** Does the operation to the word at the beginning of `bytes`, little endian. */
export function applyAtomic(bytes: Uint8Array, atomic: Atomic): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (atomic.bits === 64) view.setBigUint64(0, outcome(view.getBigUint64(0, true), atomic), true);
  else view.setUint32(0, Number(outcome(BigInt(view.getUint32(0, true)), atomic)), true);
}

function outcome(word: bigint, { operation, bits, value, compare }: Atomic): bigint {
  const signed = (number: bigint): bigint => BigInt.asIntN(bits, number);
  switch (operation) {
    case 'swap':
      return value;
    case 'compare-swap':
      return word === compare ? value : word;
    case 'add':
      return BigInt.asUintN(bits, word + value);
    case 'subtract':
      return BigInt.asUintN(bits, word - value);
    case 'signed-min':
      return signed(value) < signed(word) ? value : word;
    case 'unsigned-min':
      return value < word ? value : word;
    case 'signed-max':
      return signed(value) > signed(word) ? value : word;
    case 'unsigned-max':
      return value > word ? value : word;
    case 'and':
      return word & value;
    case 'or':
      return word | value;
    case 'xor':
      return word ^ value;
    case 'increment':
      return word >= value ? 0n : word + 1n;
    case 'decrement':
      return word === 0n || word > value ? value : word - 1n;
  }
}
