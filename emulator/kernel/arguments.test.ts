import { describe, expect, it } from 'vitest';
import { addressArgument, booleanArgument, countArgument, sizeArgument, wordArgument } from './arguments.ts';

/** What the call throws. */
function thrown(call: () => unknown): { name: string; code: unknown; message: string } {
  try {
    call();
  } catch (error) {
    const { name, message } = error as Error;
    return { name, code: (error as { code?: unknown }).code, message };
  }
  throw new Error('nothing was thrown');
}

describe('arguments', () => {
  it('of every kind come back as they are when they are good', () => {
    expect(addressArgument('a', (1n << 64n) - 1n)).toBe((1n << 64n) - 1n);
    expect([sizeArgument('s', 1), sizeArgument('s', 4096n), sizeArgument('s', 0, { zero: true })]).toEqual([
      1n,
      4096n,
      0n,
    ]);
    expect([countArgument('c', 0), countArgument('c', Number.MAX_SAFE_INTEGER)]).toEqual([0, Number.MAX_SAFE_INTEGER]);
    expect([booleanArgument('b', false), wordArgument('w', 'x', ['x', 'y'])]).toEqual([false, 'x']);
  });

  for (const [kind, call] of [
    ['TypeError', () => addressArgument('field', 5)],
    ['TypeError', () => addressArgument('field', null)],
    ['RangeError', () => addressArgument('field', -1n)],
    ['RangeError', () => addressArgument('field', 1n << 64n)],
    ['TypeError', () => sizeArgument('field', '5')],
    ['RangeError', () => sizeArgument('field', 0)],
    ['RangeError', () => sizeArgument('field', -1, { zero: true })],
    ['RangeError', () => sizeArgument('field', 1.5)],
    ['RangeError', () => sizeArgument('field', Number.NaN)],
    ['RangeError', () => sizeArgument('field', 1n << 64n)],
    ['TypeError', () => countArgument('field', 5n)],
    ['RangeError', () => countArgument('field', -1)],
    ['RangeError', () => countArgument('field', 2 ** 53)],
    ['TypeError', () => booleanArgument('field', 1)],
    ['TypeError', () => booleanArgument('field', undefined)],
    ['TypeError', () => wordArgument('field', {}, ['x', 'y'])],
    ['RangeError', () => wordArgument('field', 'z', ['x', 'y'])],
  ] as const) {
    it(`that are bad give a ${kind} which names the field: ${call.toString().slice(6)}`, () => {
      const error = thrown(call);
      expect([error.name, error.code]).toEqual([kind, 'ERR_SVM_INVALID_ARGUMENT']);
      expect(error.message).toMatch(/^field: expected .+, got .+$/);
    });
  }

  it('say which words are allowed', () => {
    expect(thrown(() => wordArgument('kind', 'z', ['x', 'y'])).message).toBe('kind: expected one of x, y, got "z"');
  });
});
