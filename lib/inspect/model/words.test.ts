import { describe, expect, it } from 'vitest';
import { pteFlags } from '../../../emulator/index.ts';
import { parseOperation } from '../../trace/operations/parse.ts';
import { parseBytes, roundedBytes as bytes } from '../../words/sizes.ts';
import { address, time } from './format.ts';
import { HAND_OPERATIONS, handOperation } from './hand.ts';
import { pteFlagNames } from '../../words/pte-flags.ts';
import { quirksIn } from './hazards.ts';
import { TimelineRows } from './timeline-rows.ts';
import { InspectorSession } from './session.ts';
import { parseTrace } from '../../trace/format/parse-trace.ts';

describe('numbers', () => {
  it.each([
    ['0x10000000', 0x1000_0000n],
    ['0x7f00_00000000', 0x7f00_0000_0000n],
    ['4096', 4096n],
    ['2M', 2n << 20n],
    ['64 KiB', 65536n],
    ['128t', 128n << 40n],
  ])('%s is understood', (text, value) => {
    expect(parseBytes(text)).toBe(value);
  });
  it.each(['', '0x', 'x', '-1', '1.5M', '99999999T', '0xzz', '2MM'])('%j is none', (text) => {
    expect(parseBytes(text)).toBeUndefined();
  });
  it('are written for people', () => {
    expect([bytes(4096), bytes(3 << 19), bytes(2 ** 47), address(0x7f0000000), time(1_002_500_000)]).toEqual([
      '4 KiB',
      '1.5 MiB',
      '128 TiB',
      '0x7f00_00000000',
      '1.002 500 s',
    ]);
  });
});

describe('PTE flags by name', () => {
  it.each([
    [{ major: 9, minor: 4, revision: 3 }, 'MTYPE UC'],
    [{ major: 10, minor: 3, revision: 0 }, 'MTYPE UC'],
    [{ major: 12, minor: 0, revision: 0 }, 'MTYPE NC'],
  ])('%j', (gc, type) => {
    const flags = pteFlags({ gc, apu: false, numaNodes: 1, mtypeLocal: 0 }, 0x22, false);
    const names = pteFlagNames(flags, gc.major).map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['VALID', 'SYSTEM', 'SNOOPED', 'EXECUTABLE', 'READABLE', 'WRITEABLE', type]),
    );
    expect(names.includes('IS_PTE')).toBe(gc.major === 12);
  });
});

describe('the form', () => {
  it.each(HAND_OPERATIONS.map(({ name }) => name))('makes an operation of the format: %s', (name) => {
    expect(parseOperation(handOperation(name, {})).name).toBe(name);
  });
  it('takes names for attributes and values', () => {
    expect(handOperation('set', { addr: '0x1000', len: '4k', attribute: 'access', value: 'in-place' })).toEqual({
      set: { addr: '0x1000', size: '0x1000', attrs: [[2, 1]] },
    });
    expect(handOperation('set', { attribute: 'preferredLocation', value: 'undefined' })).toMatchObject({
      set: { attrs: [[0, 0xffff_ffff]] },
    });
  });
  it.each([
    [{ addr: 'here' }, /^address: expected a number/],
    [{ len: '-1' }, /^size: expected/],
    [{ value: 'x' }, /^value: expected a number/],
    [{ value: '' }, /^value: expected/],
  ])('names the bad field of %j', (values, message) => {
    expect(() => handOperation('set', values)).toThrow(message);
  });
});

it('finds quirks in a text, with what the catalogue says of them', () => {
  const found = quirksIn('as Q35 says, and Q48 and Q35; not Q99');
  expect(found.map(({ id }) => id)).toEqual(['Q35', 'Q48']);
  expect(found[0]).toMatchObject({
    kind: 'D',
    severity: 'corruption',
    text: expect.stringContaining('second event on another part') as string,
  });
});

it('counts rows of operations and of their events', () => {
  const { steps } = new InspectorSession(
    parseTrace(
      't',
      '{"mmap":{"addr":"0x10000000","len":"0x200000","prot":"rw","kind":"anon"}}\n{"fault":{"addr":"0x10000000","write":true}}\n{"gc":{}}',
    ),
  );
  const rows = new TimelineRows(steps, true);
  const events = steps[1]!.effects.length + steps[1]!.hazards.length;
  expect(rows.count).toBe(3 + events);
  expect(rows.at(0)).toEqual({ step: 0, event: -1 });
  expect(rows.at(1)).toEqual({ step: 1, event: -1 });
  expect(rows.at(1 + events)).toEqual({ step: 1, event: events - 1 });
  expect(rows.at(2 + events)).toEqual({ step: 2, event: -1 });
  expect(rows.rowOf(2)).toBe(2 + events);
  expect(new TimelineRows(steps, false).count).toBe(3);
});
