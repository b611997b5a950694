import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../test/support/after-file.ts';
import { CaseGroup } from './case.ts';
import type { ConcreteCase } from './case.ts';
import { IsolatedRunner } from './isolate.ts';
import type { CaseResult } from './run-case.ts';
import { whereItWaits } from './stuck.ts';
import { Target } from './target.ts';

const found = Target.choose({ backend: 'emulated' }).found;
const program = fileURLToPath(new URL('../../../test/fixtures/isolated-cases.mjs', import.meta.url));

function casesOf(path: string, ...names: string[]): ConcreteCase[] {
  const group = new CaseGroup(path, 'x');
  for (const name of names)
    group
      .case(name, 'x')
      .source('x')
      .run(() => undefined);
  return group.concreteCases();
}

async function runAll(cases: readonly ConcreteCase[]): Promise<CaseResult[]> {
  const runner = new IsolatedRunner(found, program);
  const results: CaseResult[] = [];
  try {
    for (const each of cases) results.push(await runner.run(each, { seed: 1, timeout: 200 }));
  } finally {
    await runner.close();
  }
  return results;
}

describe('IsolatedRunner', () => {
  it('goes on after a crash, an exit and a hang, and says what was lost', { timeout: 60_000 }, async () => {
    const results = await runAll(casesOf('one', 'a', 'dies', 'b', 'exits', 'c', 'hangs', 'd'));
    expect(results.map(({ status }) => status)).toEqual(['pass', 'crash', 'pass', 'crash', 'pass', 'timeout', 'pass']);
    expect(results[1]!.reason).toBe('its process ended: SIGSEGV');
    expect(results[3]!.reason).toBe('its process ended: exit code 7; it said: out of luck');
    expect(results[5]!.reason).toBe('no answer after 200 ms; its process was ended');
  });

  it('has one process for a group, and another for the next', async () => {
    const processes = (await runAll([...casesOf('one', 'a', 'b'), ...casesOf('two', 'a', 'b')])).map(
      ({ checks }) => checks,
    );
    expect(processes[0]).toBe(processes[1]);
    expect(processes[2]).toBe(processes[3]);
    expect(processes[0]).not.toBe(processes[2]);
  });

  it('gives a case that must be alone a process of its own, and goes back to that of the group', async () => {
    const runner = new IsolatedRunner(found, program);
    const cases = casesOf('one', 'a', 'b', 'c', 'd');
    const processes: number[] = [];
    for (const [index, each] of cases.entries())
      processes.push((await runner.run(each, { seed: 1, timeout: 5000 }, index === 1 || index === 2)).checks);
    await runner.close();
    expect(new Set(processes).size).toBe(3);
    expect(processes[3]).toBe(processes[0]);
  });

  it('throws where no process can be started', async () => {
    const missing = new IsolatedRunner(found, '/nowhere/program.js');
    await expect(missing.run(casesOf('one', 'a')[0]!, { seed: 1, timeout: 200 })).rejects.toThrow(
      /the process for the group one can't be started: exit code 1 .*MODULE_NOT_FOUND/s,
    );
  });
});

describe('whereItWaits', () => {
  const tree = (threads: Readonly<Record<string, Readonly<Record<string, string>>>>): string => {
    const proc = temporaryFolder();
    for (const [thread, files] of Object.entries(threads)) {
      const folder = path.join(proc, '7', 'task', thread);
      mkdirSync(folder, { recursive: true });
      for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
    }
    return proc;
  };

  it('names the frames of the thread that cannot be interrupted', () => {
    const stack = '[<0>] amdgpu_svm_wait+0x12/0x30\n[<0>] drm_ioctl+0x1/0x2\n[<0>] ksys+0x1/0x2\n';
    const proc = tree({
      7: { status: 'Name:\tx\nState:\tZ (zombie)\n', wchan: '0' },
      8: { status: 'Name:\tx\nState:\tD (disk sleep)\n', wchan: 'amdgpu_svm_wait', stack },
    });
    expect(whereItWaits(7, proc)).toBe('amdgpu_svm_wait < drm_ioctl < ksys (process 7, state D)');
  });

  it('takes the function where the stack may not be read, and says what nobody may know', () => {
    const status = 'State:\tD (disk sleep)\n';
    expect(whereItWaits(7, tree({ 7: { status, wchan: 'fuse_simple_request' } }))).toBe(
      'fuse_simple_request (process 7, state D)',
    );
    expect(whereItWaits(7, tree({ 7: { status, wchan: '0' } }))).toBe(
      'a function that this user may not know (process 7, state D)',
    );
    expect(whereItWaits(7, tree({}))).toMatch(/^a place that nothing is known of \(ENOENT/);
  });
});
