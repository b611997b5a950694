/** `amdgpu-svm fuzz`, and `--against`. */
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runHere } from './support/cli-here.ts';
import { temporaryFolder } from './support/after-file.ts';
import { ensureDist, root, runNode } from './support/package-support.ts';

const NODE = JSON.stringify(process.execPath);
const EXAMPLE = `${NODE} ${JSON.stringify(path.join(root, 'examples/against-server.mjs'))}`;
const OURS = `${NODE} ${JSON.stringify(path.join(root, 'dist/lib/cli/main.cjs'))} replay - --json`;
/** The operations of the example. */
const ONLY = ['--only', 'mmap,munmap,touch,set,get,fault,access,advance,gc'];

let folder = '';
beforeAll(ensureDist);
beforeEach(() => {
  folder = temporaryFolder();
});

/** A program for the other side, which sees each operation as `operation` and answers with `answer(...)`. */
function otherSide(onOperation: string): string {
  const file = path.join(folder, 'other.mjs');
  fs.writeFileSync(
    file,
    `import { createInterface } from 'node:readline';
const answer = (out) => console.log(JSON.stringify({ in: {}, out }));
for await (const line of createInterface({ input: process.stdin })) {
  const operation = JSON.parse(line);
  ${onOperation}
}`,
  );
  return `${NODE} ${JSON.stringify(file)}`;
}

describe('fuzz', () => {
  it('finds defects, and writes traces that replay --hazards names the same defects for', async () => {
    const args = ['fuzz', '--operations', '1000', '--family', 'core,borders', '--json', '--traces', folder];
    const { code, stdout } = await runHere(args);
    expect(code).toBe(1);
    const { findings, ran } = JSON.parse(stdout) as {
      findings: { id: string; new: boolean; trace: string[] }[];
      ran: object;
    };
    expect(ran).toEqual({ histories: 5, operations: 1005 });
    expect(findings.map(({ id }) => id)).toContain('Q54');
    expect(findings.filter((each) => each.new)).toEqual([]);
    for (const { id, trace } of findings) {
      expect(trace.length).toBeLessThan(12);
      const replayed = await runHere(['replay', path.join(folder, `${id}.jsonl`), '--hazards']);
      expect(replayed.stdout).toMatch(new RegExp(`^hazard ${id} at operation`, 'm'));
    }
    expect((await runHere(args)).stdout).toBe(stdout);
  });

  it('gives the same with any number of threads, each of which has a process of its own', async () => {
    const run = (...args: string[]) => runNode(['dist/lib/cli/main.cjs', 'fuzz', '--json', ...args]);
    const mixed = ['--operations', '900', '--length', '60', '--seed', '4'];
    const here = await run(...mixed);
    expect(JSON.parse(here.stdout)).toMatchObject({ ran: { histories: 15, operations: 915 } });
    // How far it is, is on standard error.
    const { code, stdout } = here;
    expect(await run(...mixed, '--jobs', '3')).toMatchObject({ code, stdout });
    const wrong = otherSide('answer({ ret: "munmap" in operation ? 3 : 0 })');
    const beside = ['--operations', '900', '--length', '30', '--only', 'munmap,advance', '--against', wrong];
    const alone = await run(...beside);
    expect(JSON.parse(alone.stdout)).toMatchObject({ findings: [{ id: 'answer' }] });
    expect(await run(...beside, '--jobs', '2')).toMatchObject({ code: alone.code, stdout: alone.stdout });
  });

  it('finds no difference between the emulator and itself, by the command and by the example', async () => {
    const options = ['--operations', '600', '--length', '60'];
    const whole = await runHere(['fuzz', ...options, '--profile', 'v8', '--against', OURS]);
    expect([whole.code, whole.stdout]).toEqual([0, '0 findings\n10 histories, 610 operations compared\n']);
    const plain = await runHere([
      'fuzz',
      ...options,
      '--family',
      'core,attributes,borders',
      ...ONLY,
      '--against',
      EXAMPLE,
    ]);
    expect([plain.code, plain.stdout]).toEqual([
      0,
      expect.stringMatching(/^0 findings\n\d+ histories, \d+ operations/),
    ]);
  });

  it.each<[string, string, RegExp]>([
    [
      'another answer',
      'answer("advance" in operation ? { ret: 1 } : "config" in operation ? { ret: 0, pasid: "0x8001", xnack: true } : { ret: 0 })',
      /^answer, divergence, family core: advance \(operation 2\): ret differs\n  emulator  0\n  other     1$/m,
    ],
    [
      'a crash',
      'console.error("oops"); process.exit(7)',
      /^crash, .*: config \(operation 1\): ends with exit code 7: oops$/m,
    ],
    ['a signal', 'process.kill(process.pid, "SIGSEGV")', /^crash, .*: ends with (SIGSEGV|exit code 139)/m],
    [
      'an end that leaves others with its output',
      '(await import("node:child_process")).spawn("sleep", ["60"], { stdio: "inherit" }); process.exit(3)',
      /^crash, .*\(operation 1\): ends with exit code 3$/m,
    ],
    ['silence', '', /^timeout, .*: no answer within 1000 ms$/m],
    ['garbage', 'console.log("hello\\u001b[2J")', /^garbage, .*\(operation 1\): hello/m],
    ['an answer that is none', 'console.log(\'{"out":[1]}\')', /^garbage, .*: \{"out":\[1\]\}$/m],
  ])('tells %s', async (what, onOperation, message) => {
    const args = ['--operations', '50', '--family', 'core', '--only', 'advance'];
    const timeout = what === 'silence' || what.startsWith('an end') ? ['--timeout', '1000'] : [];
    const { code, stdout } = await runHere(['fuzz', ...args, ...timeout, '--against', otherSide(onOperation)]);
    expect([code, message.test(stdout) ? '' : stdout]).toEqual([1, '']);
  });

  it.each<[string, string[], number, RegExp]>([
    ['an argument', ['x'], 2, /unexpected argument "x"/],
    ['an unknown family', ['--family', 'core,odd'], 2, /--family: expected some of core, .*, got "odd"/],
    ['a family that the driver does not have', ['--family', 'vram'], 2, /v4 has no vram/],
    ['an unknown operation', ['--only', 'set,config'], 2, /--only: expected some of mmap, .*, got "config"/],
    ['a number that is none', ['--operations', '0'], 2, /--operations: expected a whole number from 1/],
    ['a time for nobody', ['--timeout', '5'], 2, /--timeout goes with --against/],
    ['no threads', ['--jobs', '0'], 2, /--jobs: expected a whole number from 1/],
    ['no command', ['--against', ' '], 2, /--against: expected a command/],
    [
      'a command that is not there',
      ['--against', './nothing-here', '--operations', '1'],
      3,
      /nothing-here: cannot be run/,
    ],
    ['such a command in threads', ['--against', './nothing-here', '--jobs', '2'], 3, /nothing-here: cannot be run/],
  ])('refuses %s', async (_what, args, exitCode, message) => {
    const { code, stderr } = await runHere(['fuzz', ...args]);
    expect([code, message.test(stderr) ? '' : stderr]).toEqual([exitCode, '']);
  });
});

describe('replay and conformance', () => {
  it('hold another implementation against traces', async () => {
    const file = path.join(folder, 'one.jsonl');
    fs.writeFileSync(file, '{"advance":{"ns":5}}\n{"gc":{}}\n');
    const same = await runHere(['replay', file, '--against', OURS]);
    expect([same.code, same.stdout]).toEqual([0, '1 of 1 trace without a divergence, 3 operations compared\n']);
    const other = await runHere(['replay', file, '--json', '--against', otherSide('answer({ ret: 0 })')]);
    expect(other.code).toBe(1);
    expect(JSON.parse(other.stdout)).toMatchObject({
      same: 0,
      traces: [{ file, divergence: { kind: 'answer', at: 0 } }],
    });
    expect((await runHere(['replay', file, '--check', '--against', OURS])).stderr).toMatch(/goes with none of --check/);
    expect((await runHere(['replay', '-', '--json', '--jobs', '2'])).stderr).toMatch(/- --json goes without --jobs/);
  });

  it('hold another implementation against cases', async () => {
    const { code, stdout } = await runHere(['conformance', 'uapi,arguments:zero:*', '--against', OURS]);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^(\d+) of \d+ cases can be said as traces\n\1 of \1 traces without/),
    ]);
    expect((await runHere(['conformance', '--against', OURS, '--backend', 'ffi'])).stderr).toMatch(/on the emulator/);
  });
});
