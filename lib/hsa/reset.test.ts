import { expect, it } from 'vitest';
import { UAPI_PROFILES } from '../uapi/profile.ts';
import type { RawSvmCall, RawSvmResult } from '../device/raw-call.ts';
import { resetOnGpu } from './reset.ts';

const port = (operations: Record<string, number>, answer: (call: RawSvmCall) => Partial<RawSvmResult>) => {
  const calls: RawSvmCall[] = [];
  return {
    calls,
    profile: { ...UAPI_PROFILES.v4, operations },
    svmIoctl: (call: RawSvmCall): RawSvmResult => {
      calls.push(call);
      return { result: 0, attributes: [...(call.attributes ?? [])], ...answer(call) };
    },
  };
};
const range = { address: 0x1000n, size: 0x2000n };

it('uses the operation of a profile that has one', () => {
  const later = port({ ...UAPI_PROFILES.v4.operations, resetAttributes: 2 }, () => ({ result: -5 }));
  expect(resetOnGpu(later, range)).toBe(-5);
  expect(later.calls).toEqual([{ operation: 2, address: 0x1000n, size: 0x2000n, attributes: [] }]);
});

it('gives up where the default granularity cannot be obtained, and asks again the next time', () => {
  let result = -12;
  const v4 = port(UAPI_PROFILES.v4.operations, ({ operation }) =>
    operation === 1 ? { result, attributes: [{ type: 3, value: 4 }] } : {},
  );
  expect(resetOnGpu(v4, range)).toBe(-12);
  result = 0;
  expect(resetOnGpu(v4, range)).toBe(0);
  expect(resetOnGpu(v4, range)).toBe(0);
  expect(v4.calls.map(({ operation }) => operation)).toEqual([1, 1, 0, 0]);
  expect(v4.calls[3]!.attributes).toContainEqual({ type: 3, value: 4 });
});

it('does not ask for a range that the wrapper refuses', () => {
  const v4 = port(UAPI_PROFILES.v4.operations, () => ({}));
  expect(resetOnGpu(v4, { address: 0n, size: 0x1000n })).toBe(-22);
  expect(v4.calls).toEqual([]);
});
