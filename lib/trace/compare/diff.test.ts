import { describe, expect, it } from 'vitest';
import { compareRecordings } from './diff.ts';
import { parseTrace } from '../format/parse-trace.ts';

const CONFIG = '{"in":{"config":{}},"out":{"ret":0,"pasid":"0x8001","xnack":true,"fx":[]}}';
const map = (addr: string): string =>
  `{"in":{"mmap":{"addr":"${addr}","len":"0x4000","prot":"rw","kind":"anon"}},"out":{"ret":0,"fx":[]}}`;
const get = (addr: string, value: number, fx = ',"fx":[]'): string =>
  `{"in":{"get":{"addr":"${addr}","size":"0x1000","types":[2]}},"out":{"ret":0,"values":[${value}]${fx}}}`;
const lines = (...text: string[]) => parseTrace('x.jsonl', text.join('\n'));
const compare = (a: string[], b: string[]) => compareRecordings(lines(...a), lines(...b));

describe('compareRecordings', () => {
  it('finds equal recordings equal, whatever recorded them', () => {
    expect(
      compare(
        [CONFIG, map('0x10000'), get('0x11000', 2)],
        ['{"in":{"config":{"lazy":true}}}', map('0x10000'), get('0x11000', 2)],
      ),
    ).toEqual({ operations: 2, effects: true, difference: undefined });
  });

  it('compares addresses by mapping and offset, in bytes and in pages', () => {
    const fault = (addr: string, page: string): string =>
      `{"in":{"fault":{"addr":"${addr}","write":true}},"out":{"ret":0,"fx":[["pte","${page}","0x1","0x67"]]}}`;
    const a = [CONFIG, map('0x10000'), map('0x20000'), fault('0x21000', '0x21')];
    expect(
      compare(a, [CONFIG, map('0x50000'), map('0x7f0000000000'), fault('0x7f0000001000', '0x7f0000001')]).difference,
    ).toBeUndefined();
    expect(
      compare(a, [CONFIG, map('0x50000'), map('0x7f0000000000'), fault('0x7f0000001000', '0x7f0000002')]).difference,
    ).toMatchObject({ operation: 3, path: 'fx[0][1]', a: '0x21', b: '0x7f0000002' });
    expect(
      compare(a, [CONFIG, map('0x50000'), map('0x7f0000000000'), fault('0x51000', '0x51')]).difference,
    ).toMatchObject({ kind: 'operation', path: 'fault.addr' });
  });

  it('names the first answer that differs, and whom the emulator supports', () => {
    const { operations, difference } = compare(
      [CONFIG, map('0x10000'), get('0x10000', 2)],
      [CONFIG, map('0x10000'), get('0x10000', 1)],
    );
    expect(operations).toBe(1);
    expect(difference).toMatchObject({ operation: 2, kind: 'answer', path: 'values[0]', a: 2, b: 1, emulator: 'A' });
    expect(
      compare([CONFIG, map('0x10000'), get('0x10000', 0)], [CONFIG, map('0x10000'), get('0x10000', 1)]).difference,
    ).toMatchObject({ emulator: 'neither' });
  });

  it('takes a mapping whose ends are cut off at once for one of what is left', () => {
    const wide = '{"in":{"mmap":{"addr":"0x7000","len":"0x9000","prot":"rw","kind":"anon"}},"out":{"ret":0,"fx":[]}}';
    const cut = (addr: string, len: string): string =>
      `{"in":{"munmap":{"addr":"${addr}","len":"${len}"}},"out":{"ret":0,"fx":[]}}`;
    const a = [CONFIG, wide, cut('0x7000', '0x1000'), cut('0xc000', '0x4000'), get('0x9000', 2)];
    expect(compare(a, [CONFIG, map('0x10000'), get('0x11000', 2)])).toEqual({
      operations: 2,
      effects: true,
      difference: undefined,
    });
    expect(compare(a, [CONFIG, map('0x10000'), get('0x11000', 1)]).difference).toMatchObject({
      operation: 2,
      emulator: 'A',
    });
    // A hole in the middle is no cut.
    expect(
      compare([CONFIG, map('0x10000'), cut('0x11000', '0x1000')], [CONFIG, map('0x10000')]).difference,
    ).toMatchObject({ operation: 2, kind: 'end' });
  });

  it('leaves effects out where one recording has none', () => {
    expect(
      compare([CONFIG, map('0x10000'), get('0x10000', 2, '')], [CONFIG, map('0x10000'), get('0x10000', 2)]),
    ).toEqual({ operations: 2, effects: false, difference: undefined });
  });

  it('sees that one has no more operations, or other ones', () => {
    expect(compare([CONFIG, map('0x10000')], [CONFIG, map('0x10000'), get('0x10000', 2)]).difference).toMatchObject({
      operation: 2,
      kind: 'end',
      lineA: undefined,
    });
    expect(
      compare([CONFIG, map('0x10000'), '{"in":{"gc":{}}}'], [CONFIG, map('0x10000'), '{"in":{"dump":{}}}']).difference,
    ).toMatchObject({ operation: 2, kind: 'operation' });
  });
});
