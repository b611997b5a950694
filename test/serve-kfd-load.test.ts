/** A served KFD under load: clients that are killed, a server that is killed and started again, and one with nothing to do. */
import { type ChildProcess, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from './support/after-file.ts';
import { times } from './support/effort.ts';
import { root } from './support/package-support.ts';
import {
  describeWhere,
  eventually,
  mountEntry,
  newMountPoint,
  ServedNode,
  spawnChild,
  whyNotServed,
} from './support/served-node.ts';

/** Packets of each of four processes; KFD_PACKETS=25000 makes them 100,000. */
const PACKETS = Number(process.env['KFD_PACKETS'] ?? times(4800, 3200));
const unserved = whyNotServed();
const stress = path.join(temporaryFolder(), 'kfd-stress');
let uncompiled = '';

beforeAll(() => {
  if (unserved !== '') return;
  const source = path.join(root, 'native', 'test', 'clients', 'kfd_stress.c');
  const flags = ['-O1', '-Wall', '-Wextra', '-Werror', '-D_GNU_SOURCE'];
  const { error, status, stderr } = spawnSync(process.env['CC'] || 'cc', [...flags, source, '-o', stress], {
    encoding: 'utf8',
  });
  if (error !== undefined) uncompiled = `no C compiler: ${error.message}`;
  else if (status !== 0) throw new Error(stderr);
});

interface Client {
  readonly child: ChildProcess;
  /** Exit code or signal, and what it printed. */
  readonly ended: Promise<readonly [number | string, string]>;
  readonly begun: Promise<void>;
}

function start({ mount }: ServedNode, seed: number, packets: number, rest = 0): Client {
  const child = spawnChild(stress, [mount, ...[seed, packets, rest].map(String)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = new Promise<readonly [number | string, string]>((settle) =>
    child.on('close', (code, signal) => settle([signal ?? code!, output])),
  );
  const begun = Promise.race([
    eventually(
      () => output.includes('begins'),
      () => output,
    ),
    ended.then(() => undefined),
  ]);
  return { child, ended, begun };
}

async function expectRight(clients: readonly Client[], packets: number): Promise<void> {
  for (const { ended } of clients) {
    const [code, output] = await ended;
    expect(output).toContain(`${packets} packets, 0 wrong`);
    expect(code).toBe(0);
  }
}

const descriptors = (pid: number): number => fs.readdirSync(`/proc/${pid}/fd`).length;

/** Milliseconds that all threads of a process have run. */
function processorTime(pid: number): number {
  const threads = fs.readdirSync(`/proc/${pid}/task`);
  return threads.reduce(
    (sum, thread) => sum + Number(fs.readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6,
    0,
  );
}

describeWhere(
  () => unserved || uncompiled,
  'a served KFD',
  () => {
    it(
      `executes ${4 * PACKETS} packets of four processes while others are killed, survives being killed, and leaves nothing`,
      { timeout: 120_000 },
      async () => {
        const mount = newMountPoint();
        const served = await ServedNode.start(['--kfd'], mount);
        const isIdle = async (): Promise<boolean> => (await served.gpuJson('list'))['files'] === 0;
        await expectRight([start(served, 9, 64)], 64);
        await eventually(isIdle);
        const before = descriptors(served.child.pid!);
        const workers = [1, 2, 3, 4].map((seed) => start(served, seed, PACKETS));
        for (let victim = 0; victim < 6; victim++) {
          const { child, begun, ended } = start(served, 100 + victim, 1_000_000);
          // In the middle of opening the first times, later in that of packets.
          if (victim > 1) await begun;
          await new Promise((settle) => setTimeout(settle, victim * 13));
          child.kill('SIGKILL');
          expect((await ended)[0]).toBe('SIGKILL');
        }
        await expectRight(workers, PACKETS);
        await eventually(isIdle, () => served.output);
        await eventually(() => descriptors(served.child.pid!) <= before);
        expect(served.output.trim().split('\n').slice(1)).toEqual([]);

        const orphans = [5, 6, 7, 8].map((seed) => start(served, seed, 10_000_000));
        for (const { begun } of orphans) await begun;
        const killedAt = performance.now();
        await served.stop('SIGKILL');
        for (const { ended } of orphans) {
          const [code, output] = await ended;
          expect([code, output]).toEqual([3, expect.not.stringContaining('hangs')]);
        }
        expect(performance.now() - killedAt).toBeLessThan(5000);
        await eventually(() => mountEntry(mount) === '' && !fs.existsSync(`/proc/${served.helper}`));

        const again = await ServedNode.start(['--kfd'], mount);
        await expectRight([start(again, 10, 640), start(again, 11, 640)], 640);
        expect(await again.stop()).toEqual({ code: 0, signal: null });
        expect(mountEntry(mount)).toBe('');
      },
    );

    it('hears of a doorbell that it does not look at, and uses no processor meanwhile', async () => {
      const served = await ServedNode.start(['--kfd']);
      // It rests for some 10 ms after every 97th batch, and waits for none so long as the look that is taken once a second.
      const { ended, child } = start(served, 1, 97 * 16 * 6, 60);
      let output = '';
      child.stdout!.on('data', (text: string) => (output += text));
      await eventually(() => output.includes('longest'));
      // Collecting garbage comes after the work, at some time.
      const shares: number[] = [];
      for (let second = 0; second < 4; second++) {
        const before = processorTime(served.child.pid!);
        await new Promise((settle) => setTimeout(settle, 1000));
        shares.push((processorTime(served.child.pid!) - before) / 1000);
      }
      expect(Math.min(...shares)).toBeLessThan(0.01);
      child.kill();
      await ended;
      expect(Number(/longest wait ([\d.]+) s/.exec(output)?.[1])).toBeLessThan(0.9);
      await served.stop();
    });
  },
);
