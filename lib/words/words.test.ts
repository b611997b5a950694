import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SvmAttributeType } from '../uapi/constants.ts';
import { attributesText, uapiAttributeName, uapiAttributeValue, valueOfWord } from './attributes.ts';
import { deniedAccess, faultRule } from './faults.ts';
import { rawCallRefusal, svmRefusal } from './refusals.ts';
import { exactBytes, roundedBytes } from './sizes.ts';

const EINVAL = -22;
const place = { address: 0x1000n, size: 0x1000n };

it('cites no section and no bare quirk: words are for people who have no specification at hand', () => {
  const folder = new URL('.', import.meta.url);
  for (const name of fs.readdirSync(folder).filter((each) => !each.endsWith('.test.ts'))) {
    const said = fs
      .readFileSync(new URL(name, folder), 'utf8')
      .split('\n')
      .filter((line) => !/^\s*(\/\/|\/?\*)/.test(line));
    for (const line of said) expect(line, name).not.toMatch(/§|\(Q\d\d/);
  }
});

it('knows each attribute in the spelling of the kernel', () => {
  for (const type of Object.values(SvmAttributeType)) expect(uapiAttributeName(type)).toMatch(/^[A-Z_]+$/);
  expect(uapiAttributeName(99)).toBe('TYPE_99');
  expect([0xffff_ffff, 0, 7].map((value) => uapiAttributeValue(0, value))).toEqual(['UNDEFINED', 'SYSMEM', '7']);
  expect([0, 1, 2, 3].map((value) => uapiAttributeValue(2, value))).toEqual([
    'INACCESSIBLE',
    'IN_PLACE',
    'ALLOW_MIGRATE',
    '3',
  ]);
});

it('reads the words that it writes', () => {
  expect(
    attributesText([
      [2, 1],
      [1, 0],
      [3, 9],
    ]),
  ).toBe('access=in-place prefetchLocation=system granularity=9');
  expect(['in-place', 'undefined', 'device', '0x10', '7'].map(valueOfWord)).toEqual([1, 0xffff_ffff, 1, 16, 7]);
  expect(['', 'x', '-1', '1.5', '4294967296', 'toString'].map(valueOfWord)).toEqual(Array(6).fill(undefined));
});

describe('a refusal names the cause of this request', () => {
  it.each([
    [{ address: 1n }, /the address must be a multiple of 4096/],
    [{ size: 1n }, /the size must be a multiple of 4096/],
    [{ address: 0n }, /the address must not be 0/],
    [{ size: 0n }, /the size must not be 0/],
    [{ address: 2n ** 64n - 0x1000n, size: 0x2000n }, /wraps past 2\^64/],
    [{ attributes: [[99, 1]] as const }, /^attribute type 99 is unknown$/],
    [{ attributes: [[1, 0xffff_ffff]] as const }, /^prefetchLocation "undefined" is refused/],
    [{ attributes: [[11, 1]] as const }, /^gpuAlwaysMapped true is refused$/],
    [{ attributes: [[1, 1]] as const }, /^a prefetch found nothing to map: no chunk/],
    [{}, /prefetchLocation "undefined", gpuAlwaysMapped true.*no chunk/],
  ])('case %#', (changes, words) => {
    expect(svmRefusal(EINVAL, { operation: 'set', ...place, ...changes })).toMatch(words);
  });
  it('and says nothing where the arguments do not tell', () => {
    expect(svmRefusal(EINVAL, { operation: 'get', ...place, attributes: [[2, 0]] })).toBeUndefined();
    expect(svmRefusal(-12, { operation: 'set', ...place })).toBeUndefined();
    expect(svmRefusal(-12345, { operation: 'set', ...place })).toBeUndefined();
  });
  it.each([
    ['get', 'no', /^the GPU has no retry faults \(XNACK off\), so it has no SVM$/],
    [
      'get',
      'yes',
      /has no SVM: the module parameter amdgpu\.noretry=1 has switched them off, boot with amdgpu\.noretry=0$/,
    ],
    ['get', 'maybe', /has no SVM: some GPUs have them only with amdgpu\.noretry=0$/],
    ['set', 'no', /^the GPU has no retry faults \(XNACK off\), or the range touches a VM_IO/],
    ['set', 'yes', /\(XNACK off\): the module parameter amdgpu\.noretry=1 has .*=0, or the range touches a VM_IO/],
  ] as const)('and the module parameter where that is the cause: %s, %s', (operation, noretry, words) => {
    expect(svmRefusal(-95, { operation, ...place, noretry })).toMatch(words);
  });
  it.each([
    [undefined, false, /^pages kept changing for a second .*, or the GPU address space is being evicted$/],
    [999, false, /^the GPU address space is being evicted$/],
    [1000, true, /^pages kept changing for a second while they were collected$/],
    [3, true, /^a chunk of pages did not move to the memory of the GPU as a whole$/],
  ])('EBUSY after %s ms, into VRAM: %s', (took, movesToVram, words) => {
    expect(svmRefusal(-16, { operation: 'set', ...place, took, movesToVram })).toMatch(words);
  });
  it('in the order of the checks', () => {
    const call = { operation: 7, ...place, attributeCount: 0, pointer: 'null', attributes: [] } as const;
    expect(rawCallRefusal(EINVAL, { ...call, address: 1n })).toMatch(/multiple of 4096/);
    expect(rawCallRefusal(EINVAL, call)).toBe('there must be 1 to 64 attributes');
    expect(rawCallRefusal(EINVAL, { ...call, attributeCount: 1 })).toBe('the attribute pointer must not be 0');
    expect(rawCallRefusal(EINVAL, { ...call, attributeCount: 1, pointer: 'ok' })).toBe('operation 7 is unknown');
  });
});

it('says why an access is not served', () => {
  expect(deniedAccess({ result: 0, cause: 'nothing-mapped' })).toBe(
    'the fault handler answers every fault with "retry" and never maps the page: nothing is mapped there in the process',
  );
  expect(deniedAccess({ result: -95, cause: 'no-retry-faults', detail: 'gfx1030' })).toBe(
    'the fault handler killed the access with EOPNOTSUPP (operation not supported): gfx1030 has no retry faults (XNACK off), so it has no SVM',
  );
  expect(deniedAccess({ result: -1, decided: { reason: 'no-permission', cause: 0 }, cause: undefined })).toBe(
    'the fault handler killed the access with EPERM (operation not permitted): the mapping of the process does not permit the access',
  );
  expect(deniedAccess({ result: -9999, cause: undefined })).toBe('the fault handler killed the access with errno 9999');
  expect(faultRule('no-vma', -14)).toMatch(/ \[EFAULT\]$/);
});

it('writes sizes', () => {
  expect([1n, 4096n, 3n << 20n, (1n << 20n) + 1n, 1n << 50n].map(exactBytes)).toEqual([
    '1 byte',
    '4 KiB',
    '3 MiB',
    '1048577 bytes',
    '1 PiB',
  ]);
  expect([512, 4096, 3 << 19].map(roundedBytes)).toEqual(['512 B', '4 KiB', '1.5 MiB']);
});
