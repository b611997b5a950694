/** The command: in this process, and as the built file where the process is the subject. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from './support/after-file.ts';
import { runHere } from './support/cli-here.ts';
import { chromeTraceFaults } from './support/chrome-trace-schema.ts';

const root = join(import.meta.dirname, '..');
const vectors = join(import.meta.dirname, 'vectors');
const folder = temporaryFolder();

const run = runHere;
/** The built file in a process of its own. */
function runBuilt(args: readonly string[], environment: Record<string, string> = {}) {
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1', ...environment };
  for (const name of [
    'AMDGPU_SVM_BACKEND',
    'AMDGPU_SVM_NODE',
    'AMDGPU_SVM_KFD',
    'AMDGPU_SVM_RECORD',
    'AMDGPU_SVM_TRACE',
  ])
    if (!(name in environment)) delete env[name];
  const {
    status: code,
    stdout,
    stderr,
  } = spawnSync(process.execPath, [join(root, 'dist/lib/cli/main.cjs'), ...args], {
    encoding: 'utf8',
    env,
    maxBuffer: 1 << 28,
  });
  return { code, stdout, stderr };
}
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const WRONG = '{"in":{"gc":{}},"out":{"ret":0,"ran":true,"fx":[]}}\n';

describe('the built file', () => {
  it.each([
    [['--version'], 0, /^\d+\.\d+\.\d+\n$/, /^$/],
    [['replay', '--check', file('differs', `{"config":{}}\n${WRONG}`)], 1, /0 of 1/, /^$/],
    [['frobnicate'], 2, /^$/, /^amdgpu-svm: unknown command/],
    [['record', join(folder, 'x'), '--', '/nowhere/program'], 3, /^$/, /cannot be started/],
    [['demo', '--asic', 'gfx1100'], 4, /Open a device/, /^amdgpu-svm: EOPNOTSUPP/],
  ])('%j ends with exit code %i, and writes to the output that is meant', (args, exitCode, out, err) => {
    const { code, stdout, stderr } = runBuilt(args);
    expect(code).toBe(exitCode);
    expect(stdout).toMatch(out);
    expect(stderr).toMatch(err);
  });
});

describe('wrong input ends with exit code 2 and one clear line', () => {
  it.each([
    [['frobnicate'], /unknown command 'frobnicate'; known: info, demo, replay/],
    [['replay'], /replay: expected at least one trace FILE/],
    [['replay', 'x', '--jobs', 'all'], /replay: --jobs: expected a whole number from 1/],
    [['replay', 'x', '--explain', '--jobs', '2'], /replay: --jobs goes with none of --explain and --against/],
    [
      ['replay', '--chekc', 'x'],
      /replay: unknown option '--chekc' \(did you mean --check\?\); see amdgpu-svm replay --help/,
    ],
    [['replay', '/nowhere/at/all'], /\/nowhere\/at\/all: cannot be read: ENOENT/],
    [['replay', folder], /no \*\.jsonl or \*\.jsonl\.gz in/],
    [['info', 'extra'], /info: unexpected argument "extra"; see amdgpu-svm info --help/],
    [['demo', '--asic', 'gfx1'], /--asic: expected one of gfx900, .*, got "gfx1"/],
    [['demo', '--backend', 'cuda'], /--backend: expected one of auto, kernel, ffi, emulated, got "cuda"/],
    [['demo', '--asic'], /demo: --asic: a value is missing: --asic NAME; see amdgpu-svm demo --help/],
    [['trace'], /trace: expected one trace FILE/],
    [['bench', 'nope'], /bench: unknown measurement "nope"; known: get-one, set-same/],
    [['bench', '--time', '0'], /bench: --time: expected a whole number from 1 to 60000, got "0"/],
    [['bench', '--backend', 'cuda'], /backend: expected one of auto, kernel, ffi, emulated, got "cuda"/],
    [
      ['bench', '--xnack-off'],
      /bench: --xnack-off: the revision v4 has no mode for XNACK off; profile v7-xnack-off has/,
    ],
    [
      ['serve', '--mount', '/nowhere', '--noretry', '2'],
      /serve: --noretry: expected a whole number from 0 to 1, got "2"/,
    ],
    [
      ['serve', '--mount', '/nowhere', '--profile', 'v8', '--xnack-off'],
      /serve: --xnack-off: the revision v8 has no mode/,
    ],
    [['conformance', '--profile', 'v7', '--xnack-off'], /conformance: --xnack-off: the revision v7 has no mode/],
    [
      ['replay', file('off', '{"config":{"xnackOff":true}}')],
      /config\.xnackOff: the revision v4 has no mode for XNACK off/,
    ],
    [['bench', '--asic', 'gfx1'], /bench: --asic: expected one of gfx900/],
    [['trace', '/nowhere/at/all'], /\/nowhere\/at\/all: cannot be read: ENOENT/],
    [['record', 'x'], /record: expected FILE -- COMMAND/],
    [['record', '--', 'true'], /record: expected FILE -- COMMAND/],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await run(args);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('in a trace, with file and line', async () => {
    const path = file('broken.jsonl', '{"config":{}}\n{"mmap":{"addr":');
    expect(await run(['replay', '--check', path])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/broken\.jsonl:2: no JSON/) as string,
    });
  });

  it('in the environment', async () => {
    expect(await run(['demo'], { AMDGPU_SVM_BACKEND: 'vulkan' })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/AMDGPU_SVM_BACKEND: expected one of/) as string,
    });
  });
});

describe('help', () => {
  it('lists the commands', async () => {
    expect(await run(['--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Usage: amdgpu-svm COMMAND[\s\S]*replay {2,}run traces/) as string,
    });
    expect((await run([])).code).toBe(2);
  });

  it.each(['info', 'demo', 'replay', 'record'])('explains %s', async (name) => {
    expect(await run([name, '--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(new RegExp(`^Usage: amdgpu-svm ${name} `)) as string,
    });
  });

  it('tells the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect((await run(['--version'])).stdout.trim()).toBe(version);
  });
});

describe('replay', () => {
  it('says the same in the same order with any number of threads', async () => {
    const traces = readdirSync(join(vectors, 'scenarios'))
      .slice(0, 8)
      .map((name) => join(vectors, 'scenarios', name));
    const files = [file('torn-1.jsonl', '{'), ...traces, file('torn-2.jsonl', '{"gc":1}')];
    for (const options of [['--check'], ['--json', '--hazards'], ['--check', '--json']]) {
      const [alone, shared] = [
        await run(['replay', ...options, ...files, '--jobs', '1']),
        await run(['replay', ...options, ...files, '--jobs', '3']),
      ];
      expect([shared, shared.code]).toEqual([alone, 2]);
    }
  });

  it('says how many traces are identical', async () => {
    const { code, stdout } = await run(['replay', '--check', join(vectors, 'scenarios')]);
    expect(stdout).toBe('78 of 78 traces identical, 632 operations\n');
    expect(code).toBe(0);
  });

  it('of several goes on after one that cannot be read or is not modelled, and exits with the code of that', async () => {
    const good = join(vectors, 'scenarios/10-chunks.jsonl');
    const torn = file('torn.jsonl', '{"config":');
    const deep = file('deep.jsonl', '['.repeat(200_000));
    const broken = await run(['replay', '--check', torn, good]);
    expect([broken.code, broken.stdout]).toEqual([
      2,
      expect.stringMatching(/^1 of 2 traces identical, \d+ operations, 1 not run\n$/),
    ]);
    expect(broken.stderr).toContain('torn.jsonl');
    const both = await run(['replay', '--check', '--json', deep, torn, good]);
    expect(both.stderr).toContain('deep.jsonl');
    expect(JSON.parse(both.stdout)).toMatchObject({ identical: 1, total: 3, notRun: 2 });
    const ran = await run(['replay', torn, good]);
    expect([ran.code, ran.stdout.trimEnd().split('\n').at(-1)]).toEqual([2, expect.stringMatching(/1 not run$/)]);
  });

  it('prints the first difference and exits with 1', async () => {
    const { code, stdout } = await run([
      'replay',
      '--check',
      file('wrong.jsonl', `{"config":{}}\n${WRONG}${WRONG}`),
      join(vectors, 'scenarios/10-chunks.jsonl'),
    ]);
    expect(stdout.split('\n').slice(0, 4)).toEqual([
      `${join(folder, 'wrong.jsonl')}:2: ran differs`,
      '  operation  {"gc":{}}',
      '  expected   true',
      '  actual     false',
    ]);
    expect(stdout).toMatch(/\n1 of 2 traces identical, \d+ operations\n$/);
    expect(code).toBe(1);
  });

  it('fails a trace that has nothing to compare with, and does not count it as identical', async () => {
    const [bare, good] = [file('bare.jsonl', '{"gc":{}}\n'), join(vectors, 'scenarios/10-chunks.jsonl')];
    expect(await run(['replay', '--check', bare])).toMatchObject({
      code: 1,
      stdout: `${bare}: holds no recorded answers: nothing was compared, the check fails\n0 of 1 trace identical, 1 operation, 1 without recorded answers\n`,
    });
    const both = await run(['replay', '--check', '--json', bare, good]);
    expect(both.code).toBe(1);
    expect(JSON.parse(both.stdout)).toMatchObject({
      identical: 1,
      total: 2,
      notCompared: 1,
      traces: [{ compared: 0 }, {}],
    });
    // A recording of which some lines have no answers is compared where it has them.
    const some = file('some.jsonl', '{"gc":{}}\n{"in":{"gc":{}},"out":{"ret":0,"ran":false,"fx":[]}}\n');
    expect(await run(['replay', '--check', some])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^1 of 1/) as string,
    });
    // One of a kernel by a program that asked for nothing: its beginning and end have no answers there.
    const idle = file('idle.jsonl', '{"config":{"profile":"v4","lazy":true}}\n{"fini":{}}\n');
    expect(await run(['replay', '--check', idle])).toMatchObject({
      code: 0,
      stdout: '1 of 1 trace identical, 2 operations\n',
    });
    expect((await run(['replay', bare])).code).toBe(0);
  });

  it('gives the result of a check as one object', async () => {
    const { code, stdout } = await run(['replay', '--check', '--json', join(folder, 'wrong.jsonl')]);
    expect(JSON.parse(stdout)).toMatchObject({
      identical: 0,
      total: 1,
      operations: 2,
      traces: [{ difference: { line: 2, path: 'ran', expected: true, actual: false } }],
    });
    expect(code).toBe(1);
  });

  it('prints every answer as a line that can be checked again', async () => {
    const { stdout } = await run(['replay', '--json', join(vectors, 'scenarios/10-chunks.jsonl')]);
    expect(await run(['replay', '--check', file('again.jsonl', stdout)])).toMatchObject({ code: 0 });
  });

  it('stops at an operation that the emulator refuses by name', async () => {
    const path = file('fatal.jsonl', '{"advance":{"ns":"0x1fffffffffffff"}}\n{"gc":{}}\n');
    const { code, stdout } = await run(['replay', path]);
    expect(stdout).toMatch(/fatal\.jsonl:1: fatal differs[\s\S]*the clock would pass 2\^53 - 1 ns/);
    expect(code).toBe(1);
  });
});

describe('demo', () => {
  it('tells the story step by step', async () => {
    const { code, stdout } = await run(['demo', '--backend', 'emulated']);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /1\. Open a device[\s\S]*backend: emulated[\s\S]*2048 x PTE written[\s\S]*the garbage collector ran[\s\S]*GpuFaultError[\s\S]*SvmError EINVAL/,
    );
  });

  it('gives the steps as one object', async () => {
    const { steps } = JSON.parse((await run(['demo', '--json'])).stdout) as {
      steps: { title: string; code: string; facts: string[] }[];
    };
    expect(steps.length).toBeGreaterThanOrEqual(9);
    expect(steps[0]!.facts[0]).toMatch(/^backend: /);
  });

  it('says the same twice', async () => {
    expect((await run(['demo', '--json'])).stdout).toBe(runBuilt(['demo', '--json']).stdout);
  });

  it('ends with exit code 4 on a device that has no SVM', async () => {
    expect(await run(['demo', '--asic', 'gfx1100'])).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/^amdgpu-svm: EOPNOTSUPP/) as string,
    });
    expect((await run(['demo', '--backend', 'kernel'])).code).toBe(4);
  });

  it('says in one line that the addon is absent, and goes on', async () => {
    const { code, stdout } = runBuilt(['demo'], { AMDGPU_SVM_ADDON: '/nowhere.node' });
    expect(stdout.split('\n')[0]).toMatch(/^the addon is absent, so real devices can't be used: .*nowhere\.node/);
    expect(code).toBe(0);
  });

  it('records itself, and the recording replays identically', async () => {
    const path = join(folder, 'demo.jsonl');
    expect((await run(['demo', '--backend', 'emulated', '--record', path])).code).toBe(0);
    expect(await run(['replay', '--check', path])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^1 of 1 trace identical/) as string,
    });
  });
});

describe('info', () => {
  it('names what each node and each emulated device can do, and why not', async () => {
    const { code, stdout } = await run(['info']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/gfx942 +Instinct MI300X +9\.4\.3 +yes +yes +yes +yes +retry faults are on/);
    expect(stdout).toMatch(
      /gfx906 +Instinct MI60 +9\.4\.0 +no +no +yes +yes +retry faults are off by default \(amdgpu\.noretry\)/,
    );
    expect(stdout).toMatch(/gfx1201 .* no +this generation has no retry faults/);
  });

  it('gives the same as JSON, and records nothing', async () => {
    const path = join(folder, 'info.jsonl');
    const trace = join(folder, 'info.txt');
    const info = JSON.parse(
      (await run(['info', '--json'], { AMDGPU_SVM_RECORD: path, AMDGPU_SVM_TRACE: trace })).stdout,
    ) as {
      auto: unknown;
      emulated: unknown[];
      emulatedNotes: string[];
    };
    expect(info.auto).toMatchObject({ backend: expect.any(String) as string });
    expect(info.emulated).toHaveLength(17);
    expect(info.emulated).toMatchObject([
      { asic: 'gfx900', svm: false, profiles: { v4: false, v7: false, 'v7-xnack-off': true, v8: true } },
      ...Array.from({ length: 15 }, () => ({})),
      { asic: 'gfx1201', svm: false, profiles: { v4: false, v7: false, 'v7-xnack-off': true, v8: false } },
    ]);
    expect(info.emulatedNotes.join()).toContain('amdgpu.noretry=0');
    expect([existsSync(path), existsSync(trace)]).toEqual([false, false]);
  });
});

describe('record', () => {
  it('records what a program does', async () => {
    const program = file(
      'program.mjs',
      `import { SvmDevice } from ${JSON.stringify(join(root, 'dist/lib/index.js'))};
const device = SvmDevice.open();
device.setAttributes(device.memory.map(4096), { coherent: false });
device.close();
process.exit(7);`,
    );
    const path = join(folder, 'program.jsonl');
    expect(runBuilt(['record', path, '--', process.execPath, program], { AMDGPU_SVM_BACKEND: 'emulated' }).code).toBe(
      7,
    );
    expect((await run(['replay', '--check', path])).stdout).toBe('1 of 1 trace identical, 4 operations\n');
  });

  it('says when the program cannot be started', async () => {
    expect(await run(['record', join(folder, 'x'), '--', '/nowhere/program'])).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/cannot be started: .*ENOENT/) as string,
    });
  });
});

describe('trace', () => {
  it('writes Chrome JSON that keeps the rules of the format', async () => {
    const input = file(
      'story.jsonl',
      '{"mmap":{"addr":"0x10000000","len":"0x200000","prot":"rw","kind":"anon"}}\n{"fault":{"addr":"0x10000000","write":true}}\n',
    );
    const output = join(folder, 'story.json');
    expect(await run(['trace', input, '-o', output])).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/story\.json: 2 operations, \d+ events/) as string,
    });
    const written = readFileSync(output, 'utf8');
    expect(chromeTraceFaults(JSON.parse(written))).toEqual([]);
    expect((await run(['trace', input])).stdout).toBe(written);
    expect(await run(['trace', input, '-o', join(folder, 'no', 'such', 'folder.json')])).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/cannot be written: ENOENT/) as string,
    });
  });
});

describe('bench', () => {
  it('measures every call on the emulator, and gives numbers with --json', async () => {
    const { code, stdout } = await run(['bench', '--backend', 'emulated', '--time', '5', '--json']);
    expect(code).toBe(0);
    const { backend, measurements, skipped } = JSON.parse(stdout) as {
      backend: string;
      measurements: { name: string; median: number; best: number; calls: number }[];
      skipped: unknown[];
    };
    expect({ backend, skipped }).toEqual({ backend: 'emulated', skipped: [] });
    expect(measurements.map(({ name }) => name)).toEqual([
      'get-one',
      'set-same',
      'get-typed',
      'set-typed',
      'map-unmap',
      'prefetch',
      'gpu-read-4k',
      'gpu-read-2m',
    ]);
    for (const { median, best, calls } of measurements) expect(best > 0 && median >= best && calls > 0).toBe(true);
    expect((await run(['bench', 'get-one', '--backend', 'emulated', '--time', '5'])).stdout).toMatch(
      /^emulated, emulated:renderD128\nname .*\nget-one /,
    );
  });

  it('ends with 4 where the device has no SVM', async () =>
    expect(await run(['bench', '--backend', 'emulated', '--asic', 'gfx1100'])).toMatchObject({ code: 4 }));
});
