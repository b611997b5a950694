/** hazards, replay --hazards, replay --explain and snapshot, on small traces. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { QUIRK_CATALOGUE } from '../emulator/index.ts';
import { runHere } from './support/cli-here.ts';
import { temporaryFolder } from './support/after-file.ts';
import type { Run } from './support/package-support.ts';

const TRACE = [
  '{"config":{"gc":"9.4.3"}}',
  '{"mmap":{"addr":"0x10000000","len":"0x200000","prot":"rw","kind":"anon"}}',
  '{"touch":{"addr":"0x10000000","len":"0x200000","write":true}}',
  '{"set":{"addr":"0x10000000","size":"0x200000","attrs":[[2,2]]}}',
  '{"fault":{"addr":"0x10000000","write":true}}',
  '{"advance":{"ns":3000000}}',
  '{"dontneed":{"addr":"0x10000000","len":"0x1000"}}',
  '{"munmap":{"addr":"0x10000000","len":"0x200000"}}',
];

function file(lines: readonly string[]): string {
  const name = path.join(temporaryFolder(), 'trace.jsonl');
  fs.writeFileSync(name, `${lines.join('\n')}\n`);
  return name;
}

const run = (...args: string[]): Promise<Run> => runHere(args);

it('replay --hazards prints a line for each hazard of a trace without answers; =fail makes it a failure', async () => {
  const name = file(TRACE);
  const reported = await run('replay', '--hazards', name);
  expect(reported.code).toBe(0);
  const lines = reported.stdout.split('\n').filter((line) => line.startsWith('hazard '));
  expect(lines.map((line) => line.slice(0, 25))).toEqual(['hazard Q35 at operation 7', 'hazard Q36 at operation 8']);
  expect((await run('replay', '--hazards=fail', name)).code).toBe(1);
  const clean = await run('replay', '--hazards=fail', file(TRACE.slice(0, 6)));
  expect([clean.code, clean.stdout.includes('0 hazards')]).toEqual([0, true]);
});

it('replay --hazards --json prints hazards as objects', async () => {
  const { stdout } = await run('replay', '--hazards', '--json', file(TRACE));
  const hazards = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { hazard?: object })
    .filter(({ hazard }) => hazard !== undefined);
  expect(hazards).toMatchObject([
    { hazard: { quirk: 'Q35', operation: 7, address: '0x10001000' } },
    { hazard: { quirk: 'Q36', operation: 8 } },
  ]);
});

it('replay --explain tells the story with the rule of each step', async () => {
  const { stdout, code } = await run('replay', '--explain', file(TRACE));
  expect(code).toBe(0);
  for (const sentence of [
    '2. The process maps 2 MiB at 0x10000000, rw, anon.',
    'fault at 0x10000000, mapped: the pages of its range were collected, and the PTEs of the whole range written.',
    'The driver is told by its notifier: clear of 4 KiB at 0x10000000.',
    '! hazard Q35 at operation 7',
  ])
    expect(stdout).toContain(sentence);
});

it('snapshot --at prints the map of the address space', async () => {
  const name = file(TRACE);
  const { stdout } = await run('snapshot', name, '--at', '7');
  expect(stdout).toContain('000010000000-000010200000      2 MiB  mapping rw anon');
  expect(stdout).toContain('range not mapped, no dma');
  expect(stdout).toContain('ptes rw nodma');
  expect((await run('snapshot', name, '--at', '9')).code).toBe(2);
  expect((await run('snapshot', name, '--at', '1')).stdout).toContain('nothing is mapped');
});

interface Listed {
  readonly id: string;
  readonly revisions: Readonly<Record<string, string>>;
  readonly repairs: readonly string[];
  readonly trace?: readonly object[];
  readonly withoutTrace?: string;
}

const listed = async (...args: string[]): Promise<readonly Listed[]> => {
  const { code, stdout } = await run('hazards', '--json', ...args);
  expect(code).toBe(0);
  const { confirmedOnHardware, hazards } = JSON.parse(stdout) as {
    confirmedOnHardware: boolean;
    hazards: readonly Listed[];
  };
  expect(confirmedOnHardware).toBe(false);
  return hazards;
};

it('hazards lists the whole catalogue, each entry with its trace or the reason why it has none', async () => {
  const all = await listed();
  expect(all.map(({ id }) => id).toSorted()).toEqual(Object.keys(QUIRK_CATALOGUE).toSorted());
  for (const { trace, withoutTrace } of all) expect((trace === undefined) !== (withoutTrace === undefined)).toBe(true);
  const { code, stdout } = await run('hazards');
  expect(code).toBe(0);
  for (const words of [
    `${all.length} hazards of all revisions`,
    'Nothing of this was confirmed on hardware yet.',
    'Q35  stale mapping after a partial invalidation',
    'V8-D5  an eviction left PTEs of VRAM that is given away',
    `no trace: ${QUIRK_CATALOGUE['V8-D13']!.unobservable}`,
  ])
    expect(stdout).toContain(words);
});

it('hazards --profile lists what one revision has, with traces for it', async () => {
  const ids = async (profile: string): Promise<string[]> => (await listed('--profile', profile)).map(({ id }) => id);
  const [v4, v8] = [await ids('v4'), await ids('v8')];
  expect([v4.includes('Q13'), v4.includes('V7-B2'), v8.includes('Q13'), v8.includes('V7-B2')]).toEqual([
    true,
    false,
    false,
    true,
  ]);
  for (const { trace = [] } of await listed('--profile', 'v8'))
    if (trace.length > 0) expect(trace[0]).toMatchObject({ config: { profile: 'v8' } });
});

it('hazards ID --trace prints a trace that runs into it', async () => {
  const { stdout, code } = await run('hazards', 'V8-D7', '--profile', 'v8', '--trace');
  expect(code).toBe(0);
  const replayed = await run('replay', '--hazards', file(stdout.trim().split('\n')));
  expect(replayed.stdout).toContain('hazard V7-B2 at operation');
});

it('hazards names the repairs, and replay --repairs runs a trace on a repaired driver', async () => {
  const [d5] = await listed('V8-D5');
  expect(d5!.repairs).toEqual(['zap-whole-ranges']);
  expect((await run('hazards', 'V8-D5')).stdout).toContain('repair    zap-whole-ranges (docs/repairs.md)');
  const trace = file((await run('hazards', 'V8-D5', '--trace')).stdout.trim().split('\n'));
  expect((await run('replay', '--hazards', trace)).stdout).toContain('hazard V8-D5');
  for (const repairs of ['all', 'zap-whole-ranges,flush-fault-commits'])
    expect((await run('replay', '--hazards', '--repairs', repairs, trace)).stdout).not.toContain('hazard V8-D5');
  const refused = await run('replay', '--repairs', 'zap-it', trace);
  expect([refused.code, refused.stdout]).toEqual([1, expect.stringContaining(' is unknown; known: zap-whole')]);
  expect((await run('replay', '--check', '--repairs', 'all', trace)).code).toBe(2);
  const bench = await run('bench', '--repairs', 'copy-whole-folios');
  expect([bench.code, bench.stderr]).toEqual([2, expect.stringContaining('"copy-whole-folios" is none of v4')]);
});

it.each([
  [['--profile', 'v9'], '--profile: expected one of v4, v7, v7-xnack-off, v8, got "v9"'],
  [['Q99'], 'unknown ID "Q99"; known: Q01, '],
  [['Q13', '--profile', 'v8'], 'Q13: revision v8 does not have it; expected one of v4'],
  [['--trace'], '--trace: expected one ID'],
  [['V8-D13', '--trace'], `V8-D13 has no trace: ${QUIRK_CATALOGUE['V8-D13']!.unobservable}`],
  [['Q35', '--trace', '--json'], '--trace goes without --json'],
  [['--all'], "unknown option '--all'"],
])('hazards %j is refused', async (args, message) => {
  const { code, stderr } = await run('hazards', ...args);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});
