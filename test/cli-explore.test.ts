/** `amdgpu-svm explore`. */
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runHere } from './support/cli-here.ts';
import { CONTROL_PROGRAMS } from './support/explore-programs.ts';
import { temporaryFolder } from './support/after-file.ts';
import { ensureDist, root, runNode } from './support/package-support.ts';

beforeAll(ensureDist);

let folder = '';
let racy = '';
beforeEach(() => {
  folder = temporaryFolder();
  racy = path.join(folder, 'racy.json');
  const [, first = ''] =
    /```json\n([\s\S]*?)```/.exec(fs.readFileSync(path.join(root, 'docs/explore.md'), 'utf8')) ?? [];
  fs.writeFileSync(racy, first);
});

interface Result {
  readonly findings: readonly { readonly id: string; readonly new: boolean; readonly trace: readonly string[] }[];
  readonly schedules: number;
  readonly profile: string;
}

function json(output: string): Result {
  return JSON.parse(output) as Result;
}

describe('explore', () => {
  it('finds the races of the program in docs/explore.md', async () => {
    const { code, stdout } = await runHere(['explore', racy]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^Q40, corruption, 1 preemption: /m);
    expect(stdout).toMatch(/^Q15, violation, 1 preemption: /m);
    expect(stdout).toContain('thread B: The process gives back 64 KiB at 0x40000000 (MADV_DONTNEED).');
    expect(stdout).toMatch(/\d+ schedules run, \d+ left/);
  });

  it('writes traces that replay --hazards names the same defects for', async () => {
    const traces = path.join(folder, 'traces');
    const { code, stdout } = await runHere(['explore', racy, '--json', '--traces', traces]);
    expect(code).toBe(1);
    const { findings, profile, schedules } = json(stdout);
    expect([profile, schedules > 0]).toEqual(['v4', true]);
    expect(findings.map(({ id }) => id).sort()).toEqual(['Q15', 'Q40']);
    for (const { id } of findings) {
      const replayed = await runHere(['replay', path.join(traces, `${id}.jsonl`), '--hazards']);
      expect(replayed.stdout).toMatch(new RegExp(`^hazard ${id} at operation`, 'm'));
    }
  });

  it('ends with 0 where nothing is found', async () => {
    const file = path.join(folder, 'control.json');
    fs.writeFileSync(file, JSON.stringify(CONTROL_PROGRAMS['all only look']));
    const { code, stdout } = await runHere(['explore', file, '--profile', 'v7']);
    expect([code, stdout.startsWith('0 findings')]).toEqual([0, true]);
  });

  it('makes programs itself and shrinks them', async () => {
    const args = ['explore', '--generate', '4', '--seed', '3', '--profile', 'v7', '--json'];
    const [one, again] = [await runHere(args), await runHere(args)];
    expect(one).toEqual(again);
    const { profile, programs } = JSON.parse(one.stdout) as { profile: string; programs: number };
    expect([profile, programs]).toEqual(['v7', 4]);
    expect((await runHere(['explore', '--generate', '1', '--seed', '3'])).stdout).toMatch(
      /^1 program, \d+ schedules$/m,
    );
  });

  it('makes programs for the machine that is asked for', async () => {
    const args = ['explore', '--generate', '12', '--profile', 'v8', '--schedules', '100', '--json'];
    const { code, stdout } = await runHere([...args, '--config', '{"gpus":2,"hive":"h","vram":65536}']);
    expect(code).toBe(1);
    const { findings } = JSON.parse(stdout) as { findings: { program: { config: object } }[] };
    for (const { program } of findings)
      expect(program.config).toEqual({ profile: 'v8', gpus: 2, hive: 'h', vram: 65_536 });
    // Operations of the second GPU are among them.
    expect(stdout).toContain('"gpu": 1');
  });

  it('runs a part, up to a bound', async () => {
    const whole = json((await runHere(['explore', racy, '--json'])).stdout).schedules;
    const part = json((await runHere(['explore', racy, '--json', '--shard', '2/3'])).stdout).schedules;
    const serial = json((await runHere(['explore', racy, '--json', '--preemptions', '0'])).stdout).schedules;
    expect([serial, part < whole, part > serial]).toEqual([2, true, true]);
  });

  it('gives the same with any number of threads', async () => {
    const run = (...args: string[]) => runNode(['dist/lib/cli/main.cjs', 'explore', ...args, '--json']);
    const [one, two] = [await run(racy, '--jobs', '1'), await run(racy, '--jobs', '2')];
    expect(one).toEqual(two);
    expect(
      json(one.stdout)
        .findings.map(({ id }) => id)
        .sort(),
    ).toEqual(['Q15', 'Q40']);
    const generated = ['--generate', '10', '--seed', '3', '--schedules', '100'];
    const [whole, parts] = [await run(...generated), await run(...generated, '--jobs', '2')];
    expect(parts).toEqual(whole);
  });

  it.each<[string, string[], RegExp]>([
    ['threads for a part', ['racy', '--jobs', '2', '--shard', '1/2'], /--jobs does not go with --shard/],
    ['no threads', ['racy', '--jobs', '0'], /--jobs: expected a whole number from 1/],
    ['no file', [], /expected one program FILE/],
    ['a file that is not there', ['nothing.json'], /nothing\.json: cannot be read/],
    ['a number that is none', ['racy', '--preemptions', 'x'], /--preemptions: expected a whole number from 0 to 16/],
    ['no schedules', ['racy', '--schedules', '0'], /--schedules: expected a whole number from 1/],
    ['a part that is none', ['racy', '--shard', '4/3'], /--shard: expected I\/N with I from 1 to N/],
    ['a machine for nothing', ['racy', '--config', '{}'], /--config goes with --generate/],
    ['a machine that is none', ['--generate', '1', '--config', '{"gpus":99}'], /--config: .*gpus: /],
    ['text for a machine', ['--generate', '1', '--config', 'two GPUs'], /--config: Unexpected token/],
    ['a seed for nothing', ['racy', '--seed', '1'], /--seed goes with --generate/],
    ['programs next to a program', ['racy', '--generate', '1'], /--generate takes no program FILE/],
    ['an unknown profile', ['racy', '--profile', 'v5'], /--profile: expected one of/],
  ])('refuses %s', async (_what, args, message) => {
    const { code, stderr } = await runHere(['explore', ...args.map((each) => (each === 'racy' ? racy : each))]);
    expect([code, message.test(stderr) ? '' : stderr]).toEqual([2, '']);
  });

  it.each<[string, string, RegExp]>([
    ['text that is no JSON', '{', /no JSON/],
    ['one thread', '{"threads":[[]]}', /threads: expected a list of 2 to 4 lists/],
    ['an unknown field', '{"threads":[[],[]],"thread":1}', /thread: unknown field; known: config, setup, threads, end/],
    ['an unknown operation', '{"threads":[[{"mmp":{}}],[]]}', /threads\[0\]\[0\]: unknown operation "mmp"/],
    ['a wrong field', '{"threads":[[],[{"munmap":{"addr":1}}]]}', /threads\[1\]\[0\]: munmap\.len: missing/],
    ['inject', '{"setup":[{"gc":{"inject":[]}}],"threads":[[],[]]}', /setup\[0\]: inject is what the explorer finds/],
    [
      'a wrong failure',
      '{"end":[{"gc":{"fail":[{"at":"zap","nth":0}]}}],"threads":[[],[]]}',
      /end\[0\]: gc\.fail\.nth: expected a number from 1, got 0/,
    ],
    ['a wrong configuration', '{"config":{"gc":1},"threads":[[],[]]}', /config: config\.gc/],
  ])('refuses a program with %s', async (_what, text, message) => {
    const file = path.join(folder, 'wrong.json');
    fs.writeFileSync(file, text);
    const { code, stderr } = await runHere(['explore', file]);
    expect([code, message.test(stderr) ? '' : stderr]).toEqual([2, '']);
  });
});
