import { expect, it } from 'vitest';
import { decodeAttributes, decodeSvmRequest } from '../uapi/codec.ts';
import type { DeviceNode, PointerField } from '../uapi/node.ts';
import { SvmCaller } from './svm-call.ts';

interface Seen {
  readonly how: 'ioctl' | 'prepared' | 'async';
  readonly arg: Uint8Array;
  readonly data: Uint8Array;
}

/** `onIoctl` runs in the middle of a call. */
type FakeNode = DeviceNode & { preparations: number; onIoctl?: (() => void) | undefined };

/** Remembers what it was asked, and answers `result`. */
function fakeNode(seen: Seen[], prepare: 'prepares' | 'refuses' | 'has no memory'): FakeNode {
  const node: FakeNode = {
    kind: 'kernel' as const,
    path: 'fake',
    closed: false,
    preparations: 0,
    ioctl(_request: number, arg: Uint8Array, pointers: readonly PointerField[] = []): number {
      seen.push({ how: 'ioctl', arg: arg.slice(), data: pointers[0]!.data });
      node.onIoctl?.();
      return -1;
    },
    async ioctlAsync(_request: number, arg: Uint8Array, pointers: readonly PointerField[] = []): Promise<number> {
      seen.push({ how: 'async', arg, data: pointers[0]!.data });
      return -3;
    },
    close: () => {},
  };
  if (prepare === 'has no memory') return node;
  return Object.assign(node, {
    prepare(_request: number, length: number, _offset: number, dataLength: number) {
      node.preparations++;
      if (prepare === 'refuses') return undefined;
      const arg = new Uint8Array(length);
      const data = new Uint8Array(dataLength);
      const ioctl = (): number => {
        seen.push({ how: 'prepared', arg: arg.slice(), data });
        node.onIoctl?.();
        return -2;
      };
      return { arg, data, ioctl };
    },
  });
}

const range = { address: 0x1000n, size: 0x2000n };
const records = (count: number) => Array.from({ length: count }, (_, index) => ({ type: index, value: 100 + index }));

it('writes into the prepared memory of the node, one for each number of records', () => {
  const seen: Seen[] = [];
  const node = fakeNode(seen, 'prepares');
  const caller = new SvmCaller(node, 1);
  for (const count of [3, 1, 3, 1]) {
    const { result, data } = caller.call(1, range, records(count));
    expect(result).toBe(-2);
    expect(decodeAttributes(data)).toEqual(records(count));
  }
  expect(node.preparations).toBe(2);
  expect(seen.map(({ how }) => how)).toEqual(Array(4).fill('prepared'));
  expect(seen[2]!.data).toBe(seen[0]!.data);
  expect(decodeSvmRequest(seen[0]!.arg)).toEqual({
    startAddress: 0x1000n,
    size: 0x2000n,
    operation: 1,
    attributeCount: 3,
    attributesPointer: 0n,
  });
});

it.each([
  ['no memory', 'has no memory', 3],
  ['none any more, which is asked once', 'refuses', 3],
  ['memory for small calls only', 'prepares', 65],
] as const)('uses the plain ioctl where the node has %s', (_name, prepare, count) => {
  const seen: Seen[] = [];
  const node = fakeNode(seen, prepare);
  const caller = new SvmCaller(node, 1);
  for (let round = 0; round < 2; round++) expect(caller.call(0, range, records(count)).result).toBe(-1);
  expect(node.preparations).toBe(prepare === 'refuses' ? 1 : 0);
  // Kept for the next call, but for calls that are rare.
  expect(seen[0]!.data === seen[1]!.data).toBe(count < 65);
  expect(decodeAttributes(seen[1]!.data)).toEqual(records(count));
});

it.each(['has no memory', 'prepares'] as const)(
  'gives a call in the middle of another one memory of its own (node that %s)',
  (prepare) => {
    const seen: Seen[] = [];
    const node = fakeNode(seen, prepare);
    const caller = new SvmCaller(node, 1);
    let inner: Uint8Array | undefined;
    node.onIoctl = () => {
      node.onIoctl = undefined;
      inner = caller.call(1, range, [{ type: 9, value: 9 }]).data;
    };
    const { data } = caller.call(0, range, records(1));
    expect(decodeAttributes(data)).toEqual(records(1));
    expect(decodeAttributes(inner!)).toEqual([{ type: 9, value: 9 }]);
  },
);

it('gives each asynchronous call memory of its own', async () => {
  const seen: Seen[] = [];
  const caller = new SvmCaller(fakeNode(seen, 'prepares'), 1);
  const answers = await Promise.all([caller.callAsync(0, range, records(2)), caller.callAsync(0, range, records(2))]);
  expect(answers.map(({ result }) => result)).toEqual([-3, -3]);
  expect(answers[0]!.data).not.toBe(answers[1]!.data);
  expect(seen.map(({ how }) => how)).toEqual(['async', 'async']);
});
