/** replay --hazards, replay --explain and snapshot, on small traces. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { runHere } from './support/cli-here.ts';
import { ownTemporaryFolder } from './support/package-support.ts';
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
  const name = path.join(ownTemporaryFolder(), 'trace.jsonl');
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
