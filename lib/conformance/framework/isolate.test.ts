import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CaseGroup } from './case.ts';
import type { ConcreteCase } from './case.ts';
import { IsolatedRunner } from './isolate.ts';
import type { CaseResult } from './run-case.ts';

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
  const runner = new IsolatedRunner({}, program);
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

  it('throws where no process can be started', async () => {
    const broken = new IsolatedRunner({ asic: 'broken' as 'gfx942' }, program);
    await expect(broken.run(casesOf('one', 'a')[0]!, { seed: 1, timeout: 200 })).rejects.toThrow(
      "the process for the group one can't be started: no device here",
    );
    const missing = new IsolatedRunner({}, '/nowhere/program.js');
    await expect(missing.run(casesOf('one', 'a')[0]!, { seed: 1, timeout: 200 })).rejects.toThrow(
      /can't be started: exit code 1 .*MODULE_NOT_FOUND/s,
    );
  });
});
