/** Clients that are not ours, on a served node: C with libdrm, Python with fcntl; one by one, then all at once and killed. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { root, run, runNode, type Run } from './support/package-support.ts';
import { describeWhere, eventually, ServedNode, spawnChild, whyNotServed } from './support/served-node.ts';

const unserved = whyNotServed();
/** Calls of each of the four processes of the load. */
const CALLS = 5_000;
const python = path.join(root, 'native', 'test', 'clients', 'svm_walk.py');
const programs = path.join(root, 'build-cmake', 'plain');
const walk = path.join(programs, 'svm-walk');
const stress = path.join(programs, 'svm-stress');
let unbuilt = '';
const problem = (): string => unserved || unbuilt;

beforeAll(async () => {
  if (unserved !== '') return;
  const build = await runNode(['scripts/build-cmake.mjs', 'clients']);
  if (build.code !== 0) unbuilt = build.output.trim();
});

/** Expects TAP without failures, of at least `least` checks. */
function expectTap(result: Run, least: number): void {
  expect(result.stdout.split('\n').filter((line) => line.startsWith('not ok') || line.startsWith('  #'))).toEqual([]);
  expect(result.code, result.output).toBe(0);
  const plan = Number(/^1\.\.(\d+)$/m.exec(result.stdout)?.[1]);
  expect(plan).toBeGreaterThanOrEqual(least);
  expect(result.stdout.match(/^ok /gm)).toHaveLength(plan);
}

describeWhere(problem, 'the user ABI, row by row', () => {
  it.each([
    ['C and libdrm', walk, [] as string[], 172],
    ['Python', 'python3', [python], 30],
  ])('from %s', async (_language, program, args, least) => {
    const served = await ServedNode.start();
    expectTap(await run(program, [...args, served.node()]), least);
    expect(await served.stop()).toEqual({ code: 0, signal: null });
  });

  it.each(['v7', 'v8'])('from C and libdrm, of %s', async (revision) => {
    const served = await ServedNode.start(['--profile', revision, '--log']);
    expectTap(await run(walk, [served.node(), '--revision', revision]), 179);
    const calls = await run(stress, [served.node(), '3', '2000', '--revision', revision]);
    expect(calls.output.trim()).toBe('2000 calls, 0 wrong');
    // The number of the other revision belongs to somebody else, or to nobody.
    const other = revision === 'v8' ? 'DRM_AMDGPU_PROC_OPTIONS' : 'unknown DRM ioctl 0xc020645b';
    expect(served.output).toMatch(new RegExp(`: ${other}, not served = EINVAL$`, 'm'));
    expect(await served.stop()).toEqual({ code: 0, signal: null });
  });

  it('from C that takes the node for one of another revision: nothing is set', async () => {
    const served = await ServedNode.start(['--profile', 'v8']);
    const result = await run(walk, [served.node()]);
    expect(result.code).toBe(1);
    expect(result.stdout).toContain('not ok');
    expect(result.stdout).toMatch(/^not ok \d+ - 4: default of attribute 0$/m);
    await served.stop();
  });

  it.each([
    ['of a family that never has them', ['--asic', 'gfx1100'], []],
    ['switched off by the module parameter', ['--asic', 'gfx906', '--noretry', '1'], []],
    ['switched off for all, as v8 does it', ['--profile', 'v8', '--noretry', '1'], ['--revision', 'v8']],
  ])('from C on a GPU without retry faults, %s', async (_, options, more) => {
    const served = await ServedNode.start(options);
    expectTap(await run(walk, [served.node(), '--no-svm', ...more]), 13);
    await served.stop();
  });
});

/** Number of open descriptors of a process. */
function descriptors(pid: number): number {
  return fs.readdirSync(`/proc/${pid}/fd`).length;
}

describeWhere(problem, 'a client with 10,000 mappings', () => {
  it('waits for an ioctl about as long as one with 100', { timeout: 60_000 }, async ({ skip }) => {
    const [major = 0, minor = 0] = os.release().split('.').map(Number);
    if (major * 100 + minor < 611) return skip('PROCMAP_QUERY came with Linux 6.11');
    const served = await ServedNode.start();
    const { stdout } = await run(path.join(programs, 'svm-mappings'), [served.node(), '2000']);
    const [few = 0, many = 0] = [...stdout.matchAll(/([\d.]+) us/g)].map((match) => Number(match[1]));
    expect(few).toBeGreaterThan(0);
    // It reads all lines of /proc/PID/maps where it should not: then it is more than ten times as long.
    expect(many / few, stdout).toBeLessThan(2.5);
    await served.stop();
  });
});

describeWhere(problem, 'a server under load', () => {
  it(
    `survives ${4 * CALLS} ioctls of four processes, others killed in the middle, and malformed requests; nothing leaks`,
    { timeout: 400_000 },
    async () => {
      const served = await ServedNode.start(['--gpus', '2']);
      const server = served.child.pid!;
      const { helper } = served;
      await run(stress, [served.node(), '99', '100']);
      const idle = async (): Promise<boolean> => (await served.gpuJson('list'))['files'] === 0;
      await eventually(idle);
      const before = [descriptors(server), descriptors(helper)];
      expect(await served.gpuJson('list')).toMatchObject({ clients: 0, files: 0, contexts: 0 });

      const workers = [1, 2, 3, 4].map((seed) => run(stress, [served.node(seed % 2), String(seed), String(CALLS)]));
      const malformed = run(stress, [served.node(), '7', 'malformed', '1000']);
      let busy = true;
      const killer = (async () => {
        let killed = 0;
        // Each moment of the 60 several times, as far as the workers last; more would only take the processor from them.
        for (; (busy && killed < 200) || killed < 20; killed++) {
          const victim = spawnChild(stress, [served.node(killed % 2), String(100 + killed), '1000000'], {
            stdio: 'ignore',
          });
          const ended = new Promise((settle) => victim.on('exit', (_code, signal) => settle(signal)));
          // At a different moment each time: before the open, in it, in the middle of calls.
          await new Promise((settle) => setTimeout(settle, (killed * 7) % 60));
          victim.kill('SIGKILL');
          expect(await ended).toBe('SIGKILL');
        }
        return killed;
      })();
      try {
        for (const worker of await Promise.all(workers)) expect(worker.output.trim()).toBe(`${CALLS} calls, 0 wrong`);
        expect((await malformed).output.trim()).toBe('1000 calls, 0 wrong');
      } finally {
        // Else it would go on forever when an answer was wrong.
        busy = false;
        await killer;
      }
      expect(await killer).toBeGreaterThanOrEqual(20);

      await eventually(idle, () => served.output);
      expect(await served.gpuJson('list')).toMatchObject({ clients: 0, files: 0, contexts: 0 });
      await eventually(
        () => descriptors(server) <= before[0]! && descriptors(helper) <= before[1]!,
        () => `${before.join()} ${descriptors(server)},${descriptors(helper)}`,
      );
      // It still answers, rightly.
      expectTap(await run(walk, [served.node()]), 172);
      expect(await served.stop('SIGINT')).toEqual({ code: 0, signal: null });
      expect(served.output.trim().split('\n')).toHaveLength(1);
    },
  );
});
