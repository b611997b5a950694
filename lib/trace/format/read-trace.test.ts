import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseTrace, readTraceFile, TraceFileError } from './read-trace.ts';
import { temporaryFolder } from '../../../test/support/after-file.ts';

const folder = temporaryFolder();

const CONFIG = '{"config":{}}';
const complaint = (text: string): string => {
  try {
    parseTrace('t.jsonl', text);
  } catch (error) {
    expect(error).toBeInstanceOf(TraceFileError);
    return (error as Error).message;
  }
  throw new Error('the trace was accepted');
};

describe('reading a trace', () => {
  it('skips empty lines and comments but counts them', () => {
    const lines = parseTrace('t', `# a comment\n\n${CONFIG}\n  {"gc":{}}  \n`);
    expect(lines.map(({ line, operation }) => [line, operation.name])).toEqual([
      [3, 'config'],
      [4, 'gc'],
    ]);
  });

  it('takes the numbers of the cost model, and names a bad one', () => {
    const costOf = (cost: string): unknown => {
      const [line] = parseTrace('t', `{"config":{"cost":${cost}}}`);
      return (line!.operation as { config: { cost: unknown } }).config.cost;
    };
    expect(costOf('"mi210"')).toBe('mi210');
    expect(costOf('{"pte":2}')).toEqual({ pte: 2 });
    expect(costOf('null')).toBeNull();
    expect(complaint('{"config":{"cost":{"pte":-2}}}')).toContain(
      'config.cost.pte: expected nanoseconds from 0 to 1000000000, got -2',
    );
    expect(complaint('{"config":{"cost":{"__proto__":1}}}')).toContain('config.cost.__proto__: unknown quantity');
  });

  it('takes bare operations and recorded ones', () => {
    const [bare, recorded] = parseTrace('t', `{"gc":{}}\n{"in":{"gc":{}},"out":{"ret":0,"ran":false,"fx":[]}}`);
    expect(bare!.expected).toBeUndefined();
    expect(recorded!.expected).toEqual({ ret: 0, ran: false, fx: [] });
  });

  it('reads gzip by its contents, whatever the name', () => {
    const path = join(folder, 'packed.jsonl');
    writeFileSync(path, gzipSync(`${CONFIG}\n`));
    expect(readTraceFile(path)).toHaveLength(1);
  });

  it('takes numbers and hex strings alike', () => {
    const [first, second] = parseTrace(
      't',
      '{"fault":{"addr":4096,"write":true}}\n{"fault":{"addr":"0x1000","write":true}}',
    );
    expect(first!.operation).toEqual(second!.operation);
  });

  it('cuts fault timestamps to 48 bits', () => {
    const [line] = parseTrace('t', '{"fault":{"addr":"0x1000","write":true,"ts":"0x1000000000005"}}');
    expect(line!.operation).toMatchObject({ timestamp: 5 });
  });

  it.each([
    ['a truncated line', `${CONFIG}\n{"mmap":{"addr":"0x1000","len"`, /^t\.jsonl:2: no JSON \(cut off\?\)/],
    ['no object', '[1]', /^t\.jsonl:1: expected an object/],
    [
      'two operations in one line',
      '{"gc":{},"dump":{}}',
      /^t\.jsonl:1: expected one operation in an object, got gc, dump/,
    ],
    ['an empty object', '{}', /^t\.jsonl:1: expected one operation in an object, got none/],
    ['an unknown operation', '{"madvise":{}}', /^t\.jsonl:1: unknown operation "madvise"; known: config, mmap/],
    ['an operation of the object prototype', '{"toString":{}}', /^t\.jsonl:1: unknown operation "toString"/],
    ['fields that are no object', '{"gc":[]}', /^t\.jsonl:1: gc: expected an object/],
    ['a missing field', '{"munmap":{"addr":4096}}', /^t\.jsonl:1: munmap\.len: missing/],
    [
      'an unknown field',
      '{"munmap":{"addr":4096,"len":4096,"size":1}}',
      /^t\.jsonl:1: munmap\.size: unknown field; known: addr, len/,
    ],
    [
      'a negative number',
      '{"munmap":{"addr":-4096,"len":4096}}',
      /^t\.jsonl:1: munmap\.addr: expected a number or "0x\.\.\."/,
    ],
    ['a fraction', '{"advance":{"ns":1.5}}', /^t\.jsonl:1: advance\.ns: expected a number or "0x\.\.\."/],
    ['a number above 2^53', '{"munmap":{"addr":9007199254740992,"len":4096}}', /^t\.jsonl:1: munmap\.addr: expected/],
    [
      'an address above 2^64',
      '{"munmap":{"addr":"0x10000000000000000","len":4096}}',
      /^t\.jsonl:1: munmap\.addr: expected/,
    ],
    ['a decimal string', '{"munmap":{"addr":"4096","len":4096}}', /^t\.jsonl:1: munmap\.addr: expected/],
    [
      'a bad protection',
      '{"mmap":{"addr":4096,"len":4096,"prot":"q","kind":"anon"}}',
      /^t\.jsonl:1: mmap\.prot: expected letters r, w, x or "-", got "q"/,
    ],
    [
      'a bad kind',
      '{"mmap":{"addr":4096,"len":4096,"prot":"r","kind":"shm"}}',
      /^t\.jsonl:1: mmap\.kind: expected one of anon, file/,
    ],
    [
      'a bad attribute pair',
      '{"set":{"addr":4096,"size":4096,"attrs":[[1]]}}',
      /^t\.jsonl:1: set\.attrs: expected \[type, value\] pairs, got \[1\]/,
    ],
    [
      'an attribute above u32',
      '{"set":{"addr":4096,"size":4096,"attrs":[[1,4294967296]]}}',
      /^t\.jsonl:1: set\.attrs: expected numbers from 0 to 2\^32 - 1/,
    ],
    [
      'a bad point',
      '{"gc":{"inject":[{"at":"nowhere","do":{"gc":{}}}]}}',
      /^t\.jsonl:1: gc\.inject\.at: expected one of vma-checked/,
    ],
    [
      'a bad injected operation',
      '{"gc":{"inject":[{"at":"hmm","do":{"gcc":{}}}]}}',
      /^t\.jsonl:1: unknown operation "gcc"/,
    ],
    [
      'a bad GC version',
      '{"config":{"gc":"nine"}}',
      /^t\.jsonl:1: config\.gc: expected a GC IP version like "9\.4\.3", got "nine"/,
    ],
    ['an unknown configuration', '{"config":{"asic":"gfx942"}}', /^t\.jsonl:1: config\.asic: unknown field/],
    ['a second config', `${CONFIG}\n${CONFIG}`, /^t\.jsonl:2: config: only the first operation/],
    ['an answer that is no object', '{"in":{"gc":{}},"out":5}', /^t\.jsonl:1: out: expected an object/],
    ['nothing', '# only a comment\n', /^t\.jsonl: holds no operation/],
  ])('refuses %s with file and line', (_what, text, pattern) => {
    expect(complaint(text)).toMatch(pattern);
  });

  it('refuses a file that is not there, and one whose gzip is cut off', () => {
    expect(() => readTraceFile(join(folder, 'nowhere'))).toThrow(/nowhere: cannot be read: ENOENT/);
    const path = join(folder, 'cut.jsonl.gz');
    writeFileSync(path, gzipSync(CONFIG.repeat(1000)).subarray(0, 30));
    expect(() => readTraceFile(path)).toThrow(/cut\.jsonl\.gz: cannot be read: unexpected end of file/);
  });
});
