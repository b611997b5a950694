import { describe, expect, it } from 'vitest';
import { applyAtomic, ATOMIC_OPERATIONS, atomicCode, atomicOfCode } from './atomic.ts';
import type { AtomicOperation } from './atomic.ts';

/** What becomes of a word between two others, which have to stay. */
function after(bits: 32 | 64, word: bigint, operation: AtomicOperation, value: bigint, compare = 0n): bigint {
  const words = new DataView(new ArrayBuffer(24));
  words.setBigUint64(0, 0x1111_1111_1111_1111n);
  words.setBigUint64(8, word, true);
  const bytes = bits / 8;
  applyAtomic(new Uint8Array(words.buffer, 8), { operation, bits, value, compare });
  expect(words.getBigUint64(0)).toBe(0x1111_1111_1111_1111n);
  if (bytes === 4) expect(words.getUint32(12, true)).toBe(Number(word >> 32n));
  return bytes === 4 ? BigInt(words.getUint32(8, true)) : words.getBigUint64(8, true);
}

describe.each([32, 64] as const)('atomic operations on %i bits', (bits) => {
  const top = (1n << BigInt(bits)) - 1n;
  const sign = 1n << BigInt(bits - 1);
  it.each<[AtomicOperation, readonly (readonly [word: bigint, value: bigint, expected: bigint])[]]>([
    ['swap', [[5n, top, top]]],
    [
      'add',
      [
        [5n, 7n, 12n],
        [top, 2n, 1n],
      ],
    ],
    [
      'subtract',
      [
        [5n, 2n, 3n],
        [1n, 2n, top],
      ],
    ],
    [
      'signed-min',
      [
        [5n, sign, sign],
        [top, 3n, top],
      ],
    ],
    [
      'signed-max',
      [
        [5n, sign, 5n],
        [top, 3n, 3n],
      ],
    ],
    [
      'unsigned-min',
      [
        [5n, sign, 5n],
        [top, 3n, 3n],
      ],
    ],
    [
      'unsigned-max',
      [
        [5n, sign, sign],
        [3n, top, top],
      ],
    ],
    ['and', [[0b1100n | sign, 0b1010n, 0b1000n]]],
    ['or', [[0b1100n | sign, 0b1010n, 0b1110n | sign]]],
    ['xor', [[top, 0b1010n, top ^ 0b1010n]]],
    [
      'increment',
      [
        [5n, 7n, 6n],
        [7n, 7n, 0n],
        [8n, 7n, 0n],
        [top, top, 0n],
      ],
    ],
    [
      'decrement',
      [
        [5n, 7n, 4n],
        [7n, 7n, 6n],
        [0n, 7n, 7n],
        [8n, 7n, 7n],
      ],
    ],
  ])('%s', (operation, examples) => {
    for (const [word, value, expected] of examples) expect(after(bits, word, operation, value)).toBe(expected);
  });

  it('compare-swap writes where the word is what was expected', () => {
    expect(after(bits, 5n, 'compare-swap', top, 5n)).toBe(top);
    expect(after(bits, 5n, 'compare-swap', top, 6n)).toBe(5n);
  });

  it('have a code each', () => {
    for (const operation of ATOMIC_OPERATIONS)
      expect(atomicOfCode(atomicCode({ operation, bits }))).toEqual({ operation, bits });
  });
});

describe('codes', () => {
  it('are those of the engine', () => {
    expect([atomicCode({ operation: 'add', bits: 64 }), atomicCode({ operation: 'compare-swap', bits: 32 })]).toEqual([
      47, 8,
    ]);
  });

  it.each([0, 1, 33, 26, 58, 64, 127])('%i is none of them', (code) => {
    expect(atomicOfCode(code)).toBeUndefined();
  });
});
