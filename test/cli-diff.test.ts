/** diff --profiles: what changes for a program between two revisions of the driver. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { REVISION_DIFFERENCES } from '../lib/words/revision-differences.ts';
import { runHere } from './support/cli-here.ts';
import { temporaryFolder } from './support/after-file.ts';
import type { Run } from './support/package-support.ts';

const ADDRESS = '0x40000000';
const SIZE = '0x200000';
const MAP = `{"mmap":{"addr":"${ADDRESS}","len":"${SIZE}","prot":"rw","kind":"anon"}}`;
const UNMAP = `{"munmap":{"addr":"${ADDRESS}","len":"${SIZE}"}}`;
const set = (...attrs: readonly (readonly [number, number])[]): string =>
  `{"set":{"addr":"${ADDRESS}","size":"${SIZE}","attrs":${JSON.stringify(attrs)}}}`;
const get = (...types: readonly number[]): string =>
  `{"get":{"addr":"${ADDRESS}","size":"0x1000","types":${JSON.stringify(types)}}}`;
const fault = (write: boolean): string => `{"fault":{"addr":"${ADDRESS}","write":${write}}}`;
const LATER = '{"advance":{"ns":3000000}}';

function file(lines: readonly string[]): string {
  const name = path.join(temporaryFolder(), 'trace.jsonl');
  fs.writeFileSync(name, `${lines.join('\n')}\n`);
  return name;
}

interface Difference {
  readonly operation: number;
  readonly path: string;
  readonly rule: string | null;
  readonly follows: number | null;
}

async function differences(profiles: string, lines: readonly string[]): Promise<readonly Difference[]> {
  const { code, stdout } = await runHere(['diff', '--profiles', profiles, '--json', file(lines)]);
  const found = JSON.parse(stdout) as { identical: boolean; differences: readonly Difference[] };
  expect(code).toBe(found.identical ? 0 : 1);
  return found.differences;
}

const rulesOf = async (profiles: string, lines: readonly string[]): Promise<(string | null)[]> =>
  (await differences(profiles, lines)).map(({ rule }) => rule);

const TRY_AGAIN = Array.from(
  { length: 3 },
  (_, pass) => `{"at":"pages-got","nth":${pass + 1},"do":{"dontneed":{"addr":"${ADDRESS}","len":"${SIZE}"}}}`,
);

it.each<[rule: keyof typeof REVISION_DIFFERENCES, profiles: string, lines: readonly string[]]>([
  ['reset-operation', 'v4,v8', [`{"reset":{"addr":"${ADDRESS}","size":"0x1000"}}`]],
  ['always-mapped', 'v4,v7', [MAP, get(11)]],
  ['attributes-inherited', 'v4,v8', [MAP, set([8, 1]), fault(false), UNMAP, '{"gc":{}}', MAP, get(8)]],
  ['get-validates', 'v4,v8', [get(2)]],
  ['buffer-object-calls', 'v4,v7', [MAP, `{"bomap":{"addr":"${ADDRESS}","len":"0x1000"}}`, set([2, 2])]],
  ['change-invalidates', 'v4,v8', [MAP, set([2, 2]), fault(false), LATER, set([8, 1])]],
  ['prefetch-location-invalidates', 'v4,v8', [MAP, set([1, 1]), set([1, 0])]],
  ['buffer-object-faults', 'v4,v8', [MAP, `{"bomap":{"addr":"${ADDRESS}","len":"0x1000"}}`, fault(false)]],
  [
    'read-only-mappings',
    'v4,v7',
    [
      MAP,
      set([2, 2]),
      fault(true),
      LATER,
      UNMAP.replace('munmap', 'dontneed'),
      `{"mprotect":{"addr":"0x40100000","len":"0x100000","prot":"r"}}`,
      fault(true),
    ],
  ],
  ['dropped-faults', 'v7,v8', [MAP, '{"close":{}}', fault(false)]],
  ['faults-without-memory', 'v7,v8', [MAP, fault(false).replace('}}', ',"fail":[{"at":"hmm","err":-12}]}}')]],
  ['noretry', 'v7,v8', ['{"config":{"noretry":true}}']],
  ['xnack-off', 'v7,v7-xnack-off', [MAP, set([2, 2])]],
  [
    'waits-for-collector',
    'v4,v8',
    [MAP, MAP.replace(ADDRESS, '0x40200000'), set([2, 2]), fault(false), UNMAP, get(2).replace(ADDRESS, '0x40200000')],
  ],
  ['changing-pages', 'v4,v8', [MAP, set([2, 2]), fault(false).replace('}}', `,"inject":[${TRY_AGAIN.join(',')}]}}`)]],
  ['repeated-prefetch', 'v4,v8', [MAP, set([1, 1]), UNMAP.replace('munmap', 'dontneed'), set([1, 1])]],
])('explains by %s', async (rule, profiles, lines) => {
  expect(await rulesOf(profiles, lines)).toContain(rule);
});

it('finds nothing where the revisions do the same', async () => {
  const lines = [MAP, set([2, 2]), fault(true), LATER, UNMAP];
  const { code, stdout } = await runHere(['diff', '--profiles', 'v4,v8', file(lines)]);
  expect([code, stdout.split('\n')[0]]).toEqual([0, 'the same on v4 and v8: 5 operations']);
});

it('tells all differences in words, with the rule behind each, what follows from what, and the end', async () => {
  const lines = [MAP, set([2, 2]), fault(true), LATER, set([8, 1]), fault(false), UNMAP, '{"gc":{}}', get(8)];
  const { code, stdout } = await runHere(['diff', '--profiles', 'v4,v8', file(lines)]);
  expect(code).toBe(1);
  for (const words of [
    'of 9 operations go otherwise on v8 than on v4',
    '5. SET_ATTR on 2 MiB at 0x40000000: gpuReadOnly = 1 (line 5)',
    'only v8: PTEs are cleared: 2 MiB at 0x40000000',
    'why: a change of access, flags or a location - on v4: leaves PTEs as they are',
    'result: v4 success, v8 EFAULT',
    'attributes at the end',
    'only v8: 0x40000000-0x40200000 access allow-migrate, preferred undefined, prefetch undefined, granularity 9, ',
    'why: munmap of memory with attributes - on v4: takes the attributes away',
    'hazards met',
    'v4: Q13',
  ])
    expect(stdout).toContain(words);
});

it('takes what one revision refuses by name for a difference', async () => {
  const [found] = await differences('v4,v7-xnack-off', ['{"config":{"gc":"9.4.3"}}', MAP, '{"work":{}}']);
  expect(found).toMatchObject({ operation: 1, rule: 'xnack-off' });
});

const run = (...args: string[]): Promise<Run> => runHere(['diff', ...args]);

it.each([
  [['--profiles', 'v4,v9', 'x'], '--profiles: expected two of v4, v7, v7-xnack-off, v8, got "v9"'],
  [['--profiles', 'v4,v4', 'x'], '--profiles: expected two different profiles, as in v4,v8, got "v4,v4"'],
  [['--profiles', 'v4', 'x'], 'expected two different profiles'],
  [['--profiles', 'v4,v7,v8', 'x'], 'expected two different profiles'],
  [['--profiles', 'v4,v8'], '--profiles: expected one trace FILE'],
  [['--profiles', 'v4,v8', 'a', 'b'], '--profiles: expected one trace FILE'],
  [['--profiles', 'v4,v8', '/nowhere/x.jsonl'], '/nowhere/x.jsonl'],
])('refuses %j', async (args, message) => {
  const { code, stderr, stdout } = await run(...args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
});
