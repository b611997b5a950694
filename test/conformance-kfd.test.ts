/** The suite on nodes and a KFD that are served: as on hardware, with GPU work, and with what may end a run there. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Report } from '../lib/conformance/framework/report.ts';
import { nativeSupport } from '../lib/backend/native-addon.ts';
import { sample } from './support/effort.ts';
import { runHere } from './support/cli-here.ts';
import { temporaryFolder } from './support/after-file.ts';
import { runNode } from './support/package-support.ts';
import type { Run } from './support/package-support.ts';
import { cli, describeWhere, eventually, ServedNode, spawnChild, whyNotServed } from './support/served-node.ts';

const problem = nativeSupport().available ? whyNotServed() : nativeSupport().reason;

/** Of each kind a few; all of them are run by hand, see docs/conformance.md. */
const SAMPLE = [
  'uapi,request',
  'uapi,write-back:records-beyond-memory:operation=1;*',
  'attributes,vma-checks:ordinary-kinds',
  'attributes,survival:next-mapping:attribute="granularity";used=false;*',
  'faults,answers:permission:protection="r";gpuReadOnly=false;write=true;*',
  'faults,answers:neighbours:memory="file";protection="-";write=false',
  'faults,work:two-gpus:prefetch=false',
  'igt,exec:store:memory="file";lifetime="free";cpuFirst=true;shape="twice"',
  'igt,exec:store:memory="huge";lifetime="free-same-place";cpuFirst=true;shape="twice"',
  'igt,process:mremap-keep:memory="anon";size=4096',
  'kfdtest,KFDSVMRangeTest,memory:ReadOnlyRangeTest:xnack="on";gpu=0;mapped="no"',
];

describeWhere(problem, 'the suite on a served KFD', () => {
  async function serve(
    ...args: readonly string[]
  ): Promise<{ served: ServedNode; target: string[]; env: NodeJS.ProcessEnv }> {
    const served = await ServedNode.start(['--kfd', ...args]);
    onTestFinished(async () => {
      // Whoever waits in its file system would wait forever.
      served.child.kill('SIGCONT');
      await served.stop();
    });
    const nodes = args.includes('--gpus') ? [0, 1] : [0];
    return {
      served,
      target: ['--backend', 'kernel', ...nodes.flatMap((index) => ['--node', served.node(index)])],
      env: {
        ...process.env,
        NO_COLOR: '1',
        AMDGPU_SVM_KFD: `${served.mount}/kfd`,
        AMDGPU_SVM_TOPOLOGY: `${served.mount}.topology`,
      },
    };
  }

  /** What became of each case that ran, and what it showed. */
  const outcomes = (cases: Report['cases']): Record<string, unknown> =>
    Object.fromEntries(
      cases
        .filter(({ status }) => status !== 'skip')
        .map(({ id, status, reason, findings }) => [id, { status, reason, findings }]),
    );

  it.each(sample(['v4', 'v8'], 2))('gives the results of the emulator (%s)', { timeout: 300_000 }, async (profile) => {
    const { target, env } = await serve('--gpus', '2', '--profile', profile);
    const args = ['conformance', ...SAMPLE, '--json'];
    const [kernel, emulated] = await Promise.all([
      runNode([cli, ...args, ...target], { env }),
      runHere([...args, '--backend', 'emulated', '--profile', profile]),
    ]);
    expect(kernel.code, kernel.output).toBe(0);
    const { cases, summary } = JSON.parse(kernel.stdout) as Report;
    const ran = outcomes(cases);
    const all = outcomes((JSON.parse(emulated.stdout) as Report).cases);
    expect(ran).toEqual(Object.fromEntries(Object.keys(ran).map((id) => [id, all[id]])));
    expect(Object.keys(ran).filter((id) => /^(faults|igt|kfdtest)/.test(id)).length).toBeGreaterThanOrEqual(4);
    expect(summary.pass).toBeGreaterThan(50);
    for (const { status, reason } of cases)
      if (status === 'skip') expect(reason).toMatch(/^(needs [\w-]+ \(|not implemented: )/);
  });

  /** Begins a run; `reached` is settled when so many cases have begun. */
  async function begin(count: number, ...args: readonly string[]) {
    const { served, target, env } = await serve();
    const file = path.join(temporaryFolder(), 'report.json');
    const child = spawnChild(
      process.execPath,
      [
        cli,
        'conformance',
        'uapi,arguments',
        'uapi,limits',
        ...target,
        ...args,
        '--reporter',
        'human',
        '--reporter',
        `json=${file}`,
      ],
      { env, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let output = '';
    for (const stream of [child.stdout!, child.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    const ended = new Promise<number | null>((settle) => child.on('close', settle));
    await eventually(
      () => existsSync(`${file}.journal`) && readFileSync(`${file}.journal`, 'utf8').split('"begin"').length > count,
      () => output,
    );
    return {
      served,
      child,
      run: ended.then((code): Pick<Run, 'code' | 'output'> & { report: Report } => ({
        code: code ?? -1,
        output,
        report: JSON.parse(readFileSync(file, 'utf8')) as Report,
      })),
      file,
    };
  }

  it('goes on without a process that waits in the kernel forever, and says where', { timeout: 120_000 }, async () => {
    const { served, run } = await begin(20, '--timeout', '1000');
    // An ioctl that the file system has handed over is not given up, not even by SIGKILL.
    served.child.kill('SIGSTOP');
    setTimeout(() => served.child.kill('SIGCONT'), 9_000);
    const { report, output } = await run;
    const stuck = report.cases.filter(({ status }) => status === 'timeout');
    expect(stuck.length, output).toBeGreaterThan(0);
    expect(stuck[0]!.reason).toMatch(/^can't be killed, waits in .* \(process \d+, state D\)/);
    expect(report.summary.pass).toBeGreaterThan(20);
  });

  it('keeps what ran when the device goes away, and says that the rest did not run', { timeout: 120_000 }, async () => {
    const { served, run } = await begin(20);
    await served.stop();
    const { code, output, report } = await run;
    expect(code, output).toBe(3);
    expect(report.run.ended).toMatch(/^the device has gone: /);
    expect(report.summary.pass).toBeGreaterThanOrEqual(19);
    expect(report.summary['not-run']).toBeGreaterThan(50);
    expect(output).toMatch(/\d+ not run: the device has gone: /);
  });

  it('writes its reports at SIGINT', { timeout: 120_000 }, async () => {
    const { child, run, file } = await begin(20);
    child.kill('SIGINT');
    const { code, output, report } = await run;
    expect(code, output).toBe(3);
    expect(report.run.ended).toBe('it was ended by SIGINT');
    expect(report.summary.pass).toBeGreaterThanOrEqual(19);
    expect(report.summary.pass + report.summary['not-run']).toBe(report.summary.total);
    expect(existsSync(`${file}.journal`)).toBe(false);
  });
});
