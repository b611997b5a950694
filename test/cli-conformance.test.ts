/** The command `conformance` on the emulator and on a served node, and what becomes of its reports and recordings. */
import { UAPI_PROFILES } from '../lib/uapi/profile.ts';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Report } from '../lib/conformance/framework/report.ts';
import { runHere } from './support/cli-here.ts';
import { temporaryFolder } from './support/after-file.ts';
import { root, runNode, writeFiles } from './support/package-support.ts';
import type { Run } from './support/package-support.ts';
import { cli, describeWhere, ServedNode, whyNotServed } from './support/served-node.ts';

// Reports are compared: all of them begin at the same moment.
process.env['SOURCE_DATE_EPOCH'] = '1781222400';

const amdgpuSvm = (...args: string[]): Promise<Run> => runHere(args);
/** The built command in a process of its own. */
function built(...args: string[]): Promise<Run> {
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1' };
  for (const name of ['AMDGPU_SVM_BACKEND', 'AMDGPU_SVM_NODE', 'AMDGPU_SVM_RECORD']) delete env[name];
  return runNode([cli, ...args], { env });
}
const conformance = (...args: string[]): Promise<Run> => amdgpuSvm('conformance', '--backend', 'emulated', ...args);
const reportOf = (file: string): Report => JSON.parse(readFileSync(file, 'utf8')) as Report;
const validReport = new Ajv({ strict: true }).compile(
  JSON.parse(readFileSync(path.join(root, 'docs/conformance-report.schema.json'), 'utf8')) as object,
);

describe('amdgpu-svm conformance', () => {
  it('holds a run against an earlier report, and fails only for what has become worse', async () => {
    const folder = temporaryFolder();
    const file = (name: string): string => path.join(folder, name);
    const query = 'uapi,arguments:alignment';
    const run = (...args: string[]): Promise<Run> => conformance(query, '--reporter', 'github-actions', ...args);
    expect(await run('--reporter', `json=${file('good.json')}`)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^::notice title=amdgpu-svm conformance::20 of 20 cases ran on/) as string,
    });
    const known = `${query}:operation=0;field="start";offset=1`;
    writeFiles(folder, { 'expected.json': JSON.stringify([{ query: known, expect: 'fail', reason: 'for the test' }]) });
    // It passes, which is not as expected.
    const worse = ['--expectations', file('expected.json')];
    const regression = await run(...worse, '--compare', file('good.json'), '--reporter', `json=${file('bad.json')}`);
    expect(regression).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^::error .*\n::notice .*1 regression, 0 fixed/) as string,
    });
    const bad = reportOf(file('bad.json'));
    expect(validReport(bad)).toBe(true);
    expect(bad.comparison?.regressions).toEqual([{ id: known, before: 'pass', now: 'pass' }]);

    expect(await run(...worse, '--compare', file('bad.json'))).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^::warning .*\n::notice .*0 regressions, 0 fixed, 1 failing as before/) as string,
    });
    const fixed = await conformance(
      query,
      '--compare',
      file('bad.json'),
      '--reporter',
      'junit',
      '--junit-failures-only',
    );
    expect(fixed).toMatchObject({ code: 0, stdout: expect.stringContaining('tests="0"') as string });
    const whole = await conformance(query, '--compare', file('bad.json'));
    expect(whole.stdout).toMatch(/^fixed: uapi,arguments:alignment:.* \(pass -> pass\)\n0 regressions, 1 fixed/m);
  });

  it('has at least 2,000 concrete cases, each with a title and a source', async () => {
    const { code, stdout } = await built('conformance', '--backend', 'emulated', '--list', '--json');
    expect(code).toBe(0);
    const cases = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(cases.filter(({ unimplemented }) => unimplemented === undefined).length).toBeGreaterThanOrEqual(2000);
    for (const each of cases)
      expect(each).toMatchObject({ title: expect.stringMatching(/./), source: expect.stringMatching(/./) });
    expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
  });

  // All cases with their recordings are run, in one process, by lib/conformance/cases/index.test.ts.
  it(
    'passes on the emulated gfx942 with every reporter at once, records every case, and every recording replays identically',
    { timeout: 900_000 },
    async () => {
      const folder = temporaryFolder();
      const files = ['json', 'junit', 'tap', 'ktap', 'markdown'].map((name) => `${name}=${path.join(folder, name)}`);
      const recordings = path.join(folder, 'recordings');
      const { code, output } = await built(
        'conformance',
        '--backend',
        'emulated',
        ...['uapi', 'lifecycle', 'faults'],
        '--expect-quirks',
        '--record',
        recordings,
        '--reporter',
        'human',
        ...files.flatMap((file) => ['--reporter', file]),
      );
      expect(code, output).toBe(0);
      const report = reportOf(path.join(folder, 'json'));
      expect(validReport(report), JSON.stringify(validReport.errors)).toBe(true);
      expect(report.summary.pass + report.summary.skip).toBe(report.summary.total);
      const { total, pass, skip } = report.summary;
      expect(output).toMatch(
        new RegExp(`^${pass} of ${total} cases run on emulated gfx942, v4; ${skip} skipped: \\d+ `),
      );
      expect(output).toContain(
        `${pass} of ${total} cases ran on emulated gfx942, v4: ${pass} passed, 0 failed; ${skip} skipped: `,
      );
      for (const name of ['junit', 'tap', 'ktap', 'markdown'])
        expect(readFileSync(path.join(folder, name), 'utf8').length).toBeGreaterThan(1000);
      const recorded = report.cases.filter(({ recording }) => recording?.startsWith(recordings) === true);
      expect(recorded.length).toBeGreaterThan(500);
      const replay = await built('replay', '--check', recordings);
      const count = readdirSync(recordings).length;
      expect(replay.stdout.trimEnd().split('\n').at(-1)).toMatch(new RegExp(`^${count} of ${count} traces identical`));
      expect(replay.code).toBe(0);
    },
  );

  it('has shards that --merge joins to the whole', { timeout: 300_000 }, async () => {
    const folder = temporaryFolder();
    const file = (name: string): string => path.join(folder, name);
    const queries = ['uapi', 'attributes'];
    const shards = [1, 2, 3];
    await Promise.all([
      conformance(...queries, '--reporter', `json=${file('whole')}`),
      ...shards.map((index) =>
        conformance(...queries, '--shard', `${index}/3`, '--reporter', `json=${file(String(index))}`),
      ),
    ]);
    const merge = await amdgpuSvm(
      'conformance',
      '--merge',
      file('2'),
      file('3'),
      file('1'),
      '--reporter',
      `json=${file('merged')}`,
    );
    expect(merge.code, merge.output).toBe(0);
    expect(readFileSync(file('merged'), 'utf8')).toBe(readFileSync(file('whole'), 'utf8'));
    const part = await amdgpuSvm('conformance', '--merge', file('2'), file('3'));
    expect(part).toMatchObject({ code: 2, stderr: 'amdgpu-svm: conformance: of 3 shards these are missing: 1\n' });
  });

  it('says the same with --isolate', { timeout: 300_000 }, async () => {
    const [alone, together] = await Promise.all([
      built('conformance', '--backend', 'emulated', 'uapi,arguments', 'kfdtest', '--isolate', '--json'),
      conformance('uapi,arguments', 'kfdtest', '--json'),
    ]);
    expect(alone.stdout).toBe(together.stdout);
    expect(alone.code).toBe(0);
  });

  it('ends with 1 at an unexpected pass, and stops there with --until-fail', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, {
      'known.json': JSON.stringify([{ query: 'uapi,arguments:zero', expect: 'fail', reason: 'a test' }]),
    });
    const args = ['uapi,arguments', '--expectations', path.join(folder, 'known.json')];
    const all = await conformance(...args);
    expect(all.code).toBe(1);
    expect(all.stdout).toContain('UNEXPECTED PASS uapi,arguments:zero:');
    expect(all.stdout).toContain('passes, but is expected to fail: a test');
    const first = await conformance(...args, '--until-fail', '--json');
    expect(first.code).toBe(1);
    expect((JSON.parse(first.stdout) as Report).summary).toMatchObject({ unexpected: 1 });
  });

  it('holds a device to the skips that a file names', async () => {
    const folder = temporaryFolder();
    const skips = path.join(folder, 'skips.json');
    writeFiles(folder, { 'skips.json': '[{ "skip": "not implemented" }, { "skip": "reset" }]' });
    const args = ['uapi,request', 'attributes,reset', '--expect-skips', skips];
    expect(await conformance(...args)).toMatchObject({ code: 0 });
    const other = await conformance(...args, '--profile', 'v7');
    expect(other.code).toBe(1);
    expect(other.stdout).toMatch(/^PASS|UNEXPECTED PASS/m);
    expect(other.stdout).toContain('it ran, and is expected to be skipped: reset');
  });

  it.each(['gfx90a', 'gfx942-apu', 'gfx950'])('passes on the emulated %s', { timeout: 300_000 }, async (asic) => {
    const { code, output } = await conformance('--asic', asic, '--expect-quirks', 'faults', 'quirks');
    expect(code, output).toBe(0);
  });

  it('ends with 4 where the device has no SVM', async () => {
    expect(await conformance('--asic', 'gfx1100')).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('EOPNOTSUPP'),
    });
    expect(await amdgpuSvm('conformance', '--backend', 'kernel', '--node', '/nowhere/renderD128')).toMatchObject({
      code: expect.not.stringMatching('0'),
      stderr: expect.stringContaining('/nowhere/renderD128'),
    });
  });

  it.each([
    [['nothing,at:all'], 'query "nothing,at:all": means no case'],
    [['--shard', '0/2'], '--shard: expected I/N with I from 1 to N'],
    [['--shard', '2'], '--shard: expected I/N'],
    [['--seed', '-1'], '--seed: expected a whole number from 0, got "-1"'],
    [['--seed', '1.5'], '--seed: expected a whole number from 0, got "1.5"'],
    [['--repeat', '0'], '--repeat: expected a whole number from 1'],
    [['--timeout', 'soon'], '--timeout: expected a whole number from 1'],
    [['--reporter', 'xml'], '--reporter: expected one of human, json, junit, tap, ktap, markdown, github-actions'],
    [['--reporter', 'tap', '--reporter', 'junit'], 'only one of tap, junit can write to standard output'],
    [['--reporter', 'json='], 'expected the name of a file after "="'],
    [['--expectations', '/nowhere/x.json'], '/nowhere/x.json: cannot be read'],
    [['--expect-skips', '/nowhere/x.json'], '/nowhere/x.json: cannot be read'],
    [['--exclude', 'a:b:c'], 'query "a:b:c"'],
    [['uapi,argumnts'], 'query "uapi,argumnts": means no case; did you mean "uapi,arguments"?'],
    [['uapi,arguments:aligment'], 'means no case; did you mean "uapi,arguments:alignment"?'],
    [['uapi,arguments:alignment:offset=7'], 'means no case; it has cases like "uapi,arguments:alignment:'],
    [['uapi,*', '--exclude', 'uapi,*'], 'no case is left: "uapi,*" excludes all that are meant'],
    [
      ['uapi,arguments:alignment', '--list', '--shard', '900/900'],
      'shard 900/900: no case is left: there are 20 in all',
    ],
    [['--profile', 'v5'], `--profile: expected one of ${Object.keys(UAPI_PROFILES).join(', ')}, got "v5"`],
    [['--asic', 'gfx1'], '--asic: expected one of gfx900'],
    [['--junit-failures-only'], '--junit-failures-only goes with --reporter junit'],
    [['--compare', '/nowhere/x.json'], '/nowhere/x.json: ENOENT'],
    [['--merge'], '--merge: expected the JSON reports of all shards'],
    [['--merge', '/nowhere/x.json'], '/nowhere/x.json: ENOENT'],
    [['--merge', path.join(root, 'package.json')], 'package.json: expected a report with "schema"'],
    [['--frobnicate'], "unknown option '--frobnicate'"],
  ])('refuses %j with exit code 2', async (args, message) => {
    const { code, stdout, stderr } = await amdgpuSvm('conformance', ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^amdgpu-svm: conformance: .*\n$/);
    expect(stderr).toContain(message);
  });
});

describe('amdgpu-svm diff', () => {
  it('finds two recordings of a case equal, and shows where an altered one parts', async () => {
    const folder = temporaryFolder();
    const record = (name: string): Promise<Run> =>
      conformance('uapi,arguments:operation:operation=7', '--record', path.join(folder, name));
    await Promise.all([record('a'), record('b')]);
    const [name] = readdirSync(path.join(folder, 'a')) as [string];
    const [a, b] = ['a', 'b'].map((each) => path.join(folder, each, name)) as [string, string];
    expect(await amdgpuSvm('diff', a, b)).toMatchObject({
      code: 0,
      stdout: 'the same: 4 operations, answers and effects\n',
    });
    writeFiles(folder, { 'c.jsonl': readFileSync(b, 'utf8').replace('"ret":-22', '"ret":-14') });
    const other = await amdgpuSvm('diff', a, path.join(folder, 'c.jsonl'));
    expect(other.code).toBe(1);
    expect(other.stdout).toContain('1 operation is the same; operation 2 differs');
    expect(other.stdout).toContain('ret: A -22, B -14');
    expect(other.stdout).toContain('the emulator answers like A');
    expect(other.stdout.match(/^state of [AB], .*$/gm)).toHaveLength(2);
    const json = await amdgpuSvm('diff', a, path.join(folder, 'c.jsonl'), '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      identical: false,
      operations: 1,
      difference: { operation: 2, path: 'ret', a: -22, b: -14 },
    });
    expect(await amdgpuSvm('diff', a)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('diff: expected two recordings'),
    });
  });
});

describeWhere(whyNotServed(), 'the suite on a served node', () => {
  it(
    'passes by the same code: what needs no GPU work runs, the rest says why not; recordings agree with the emulator',
    { timeout: 900_000 },
    async () => {
      const served = await ServedNode.start();
      onTestFinished(async () => void (await served.stop()));
      const folder = temporaryFolder();
      const report = path.join(folder, 'report.json');
      const args = [
        'conformance',
        '--backend',
        'kernel',
        '--node',
        served.node(),
        // Each ioctl is a dozen switches between processes and threads: every eighth case.
        ...['--shard', '1/8'],
        // A process for each group is tried out with KFD.
        '--no-isolate',
        '--record',
        path.join(folder, 'kernel'),
        '--reporter',
        `json=${report}`,
      ];
      const { code, output } = await built(...args);
      expect(code, output).toBe(0);
      const { summary, cases } = reportOf(report);
      expect(summary.pass).toBeGreaterThan(2000 / 8);
      for (const { status, reason } of cases)
        if (status === 'skip') expect(reason).toMatch(/^(needs|not implemented: ).+/);
      const replay = await amdgpuSvm('replay', '--check', path.join(folder, 'kernel'));
      expect(replay.code, replay.stdout.slice(-2000)).toBe(0);
      const query = 'uapi,arguments:operation:operation=7';
      const target = ['--backend', 'kernel', '--node', served.node()];
      await amdgpuSvm('conformance', ...target, query, '--record', path.join(folder, 'one'));
      await conformance(query, '--record', path.join(folder, 'emulated'));
      const [name] = readdirSync(path.join(folder, 'emulated')) as [string];
      const diff = await amdgpuSvm('diff', path.join(folder, 'one', name), path.join(folder, 'emulated', name));
      expect(diff).toMatchObject({
        code: 0,
        stdout: 'the same: 4 operations, answers (one recording has no effects)\n',
      });
    },
  );
});
