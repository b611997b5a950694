/** The command as a user runs it: the built file in a child process. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { chromeTraceFaults } from './support/chrome-trace-schema.ts';

const root = join(import.meta.dirname, '..');
const vectors = join(import.meta.dirname, 'vectors');
const folder = mkdtempSync(join(tmpdir(), 'amdgpu-svm-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(args: readonly string[], environment: Record<string, string> = {}) {
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1', ...environment };
  for (const name of ['AMDGPU_SVM_BACKEND', 'AMDGPU_SVM_NODE', 'AMDGPU_SVM_RECORD', 'AMDGPU_SVM_TRACE'])
    if (!(name in environment)) delete env[name];
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'dist/lib/cli/main.js'), ...args], {
    encoding: 'utf8',
    env,
    maxBuffer: 1 << 28,
  });
  return { status, stdout, stderr };
}
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const WRONG = '{"in":{"gc":{}},"out":{"ret":0,"ran":true,"fx":[]}}\n';

describe('wrong input ends with exit code 2 and one clear line', () => {
  it.each([
    [['frobnicate'], /unknown command "frobnicate"; known: info, demo, replay/],
    [['replay'], /replay: expected at least one trace FILE/],
    [['replay', '--chekc', 'x'], /replay: Unknown option '--chekc'/],
    [['replay', '/nowhere/at/all'], /\/nowhere\/at\/all: cannot be read: ENOENT/],
    [['replay', folder], /no \*\.jsonl or \*\.jsonl\.gz in/],
    [['info', 'extra'], /info: Unexpected argument 'extra'/],
    [['demo', '--asic', 'gfx1'], /--asic: expected one of gfx900, .*, got "gfx1"/],
    [['demo', '--backend', 'cuda'], /--backend: expected one of auto, kernel, ffi, emulated, got "cuda"/],
    [['demo', '--asic'], /demo: Option '--asic <value>' argument missing/],
    [['trace'], /trace: expected one trace FILE/],
    [['bench', 'nope'], /bench: unknown measurement "nope"; known: get-one, set-same/],
    [['bench', '--time', '0'], /bench: --time: expected milliseconds from 1 to 60000, got "0"/],
    [['bench', '--backend', 'cuda'], /backend: expected one of auto, kernel, ffi, emulated, got "cuda"/],
    [['bench', '--asic', 'gfx1'], /bench: --asic: expected one of gfx900/],
    [['trace', '/nowhere/at/all'], /\/nowhere\/at\/all: cannot be read: ENOENT/],
    [['record', 'x'], /record: expected FILE -- COMMAND/],
    [['record', '--', 'true'], /record: expected FILE -- COMMAND/],
  ])('%j', (args, message) => {
    const { status, stdout, stderr } = run(args);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });

  it('in a trace, with file and line', () => {
    const path = file('broken.jsonl', '{"config":{}}\n{"mmap":{"addr":');
    expect(run(['replay', '--check', path])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/broken\.jsonl:2: no JSON/) as string,
    });
  });

  it('in the environment', () => {
    expect(run(['demo'], { AMDGPU_SVM_BACKEND: 'vulkan' })).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/AMDGPU_SVM_BACKEND: expected one of/) as string,
    });
  });
});

describe('help', () => {
  it('lists the commands', () => {
    expect(run(['--help'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^Usage: amdgpu-svm COMMAND[\s\S]*replay {2,}run traces/) as string,
    });
    expect(run([]).status).toBe(2);
  });

  it.each(['info', 'demo', 'replay', 'record'])('explains %s', (name) => {
    expect(run([name, '--help'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(new RegExp(`^Usage: amdgpu-svm ${name} `)) as string,
    });
  });

  it('tells the version of the package', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(run(['--version']).stdout.trim()).toBe(version);
  });
});

describe('replay', () => {
  it('says how many traces are identical', () => {
    const { status, stdout } = run(['replay', '--check', join(vectors, 'scenarios')]);
    expect(stdout).toBe('78 of 78 traces identical, 632 operations\n');
    expect(status).toBe(0);
  });

  it('prints the first difference and exits with 1', () => {
    const { status, stdout } = run([
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
    expect(status).toBe(1);
  });

  it('says so when there was nothing to compare', () => {
    expect(run(['replay', '--check', file('bare.jsonl', '{"gc":{}}\n')]).stdout).toMatch(
      /holds no recorded answers, nothing was compared\n1 of 1/,
    );
  });

  it('gives the result of a check as one object', () => {
    const { status, stdout } = run(['replay', '--check', '--json', join(folder, 'wrong.jsonl')]);
    expect(JSON.parse(stdout)).toMatchObject({
      identical: 0,
      total: 1,
      operations: 2,
      traces: [{ difference: { line: 2, path: 'ran', expected: true, actual: false } }],
    });
    expect(status).toBe(1);
  });

  it('prints every answer as a line that can be checked again', () => {
    const { stdout } = run(['replay', '--json', join(vectors, 'scenarios/10-chunks.jsonl')]);
    expect(run(['replay', '--check', file('again.jsonl', stdout)])).toMatchObject({ status: 0 });
  });

  it('stops at an operation that the emulator refuses by name', () => {
    const path = file('fatal.jsonl', '{"advance":{"ns":"0x1fffffffffffff"}}\n{"gc":{}}\n');
    const { status, stdout } = run(['replay', path]);
    expect(stdout).toMatch(/fatal\.jsonl:1: fatal differs[\s\S]*the clock would pass 2\^53 - 1 ns/);
    expect(status).toBe(1);
  });
});

describe('demo', () => {
  it('tells the story step by step', () => {
    const { status, stdout } = run(['demo', '--backend', 'emulated']);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /1\. Open a device[\s\S]*backend: emulated[\s\S]*2048 x PTE written[\s\S]*the garbage collector ran[\s\S]*GpuFaultError[\s\S]*SvmError EINVAL/,
    );
  });

  it('gives the steps as one object', () => {
    const { steps } = JSON.parse(run(['demo', '--json']).stdout) as {
      steps: { title: string; code: string; facts: string[] }[];
    };
    expect(steps.length).toBeGreaterThanOrEqual(9);
    expect(steps[0]!.facts[0]).toMatch(/^backend: /);
  });

  it('says the same twice', () => {
    expect(run(['demo', '--json']).stdout).toBe(run(['demo', '--json']).stdout);
  });

  it('ends with exit code 4 on a device that has no SVM', () => {
    expect(run(['demo', '--asic', 'gfx1100'])).toMatchObject({
      status: 4,
      stderr: expect.stringMatching(/^amdgpu-svm: EOPNOTSUPP/) as string,
    });
    expect(run(['demo', '--backend', 'kernel']).status).toBe(4);
  });

  it('says in one line that the addon is absent, and goes on', () => {
    const { status, stdout } = run(['demo'], { AMDGPU_SVM_ADDON: '/nowhere.node' });
    expect(stdout.split('\n')[0]).toMatch(/^the addon is absent, so real devices can't be used: .*nowhere\.node/);
    expect(status).toBe(0);
  });

  it('records itself, and the recording replays identically', () => {
    const path = join(folder, 'demo.jsonl');
    expect(run(['demo', '--backend', 'emulated', '--record', path]).status).toBe(0);
    expect(run(['replay', '--check', path])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^1 of 1 traces identical/) as string,
    });
  });
});

describe('info', () => {
  it('names what each node and each emulated device can do, and why not', () => {
    const { status, stdout } = run(['info']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/gfx942 +Instinct MI300X +9\.4\.3 +yes +retry faults are on/);
    expect(stdout).toMatch(/gfx906 +Instinct MI60 +9\.4\.0 +no +retry faults are off by default \(noretry\)/);
    expect(stdout).toMatch(/gfx1201 .* no +this generation has no retry faults/);
  });

  it('gives the same as JSON, and records nothing', () => {
    const path = join(folder, 'info.jsonl');
    const trace = join(folder, 'info.txt');
    const info = JSON.parse(run(['info', '--json'], { AMDGPU_SVM_RECORD: path, AMDGPU_SVM_TRACE: trace }).stdout) as {
      auto: unknown;
      emulated: unknown[];
    };
    expect(info.auto).toMatchObject({ backend: expect.any(String) as string });
    expect(info.emulated).toHaveLength(12);
    expect([existsSync(path), existsSync(trace)]).toEqual([false, false]);
  });
});

describe('record', () => {
  it('records what a program does', () => {
    const program = file(
      'program.mjs',
      `import { SvmDevice } from ${JSON.stringify(join(root, 'dist/lib/index.js'))};
const device = SvmDevice.open();
device.setAttributes(device.memory.map(4096), { coherent: false });
device.close();
process.exit(7);`,
    );
    const path = join(folder, 'program.jsonl');
    expect(run(['record', path, '--', process.execPath, program], { AMDGPU_SVM_BACKEND: 'emulated' }).status).toBe(7);
    expect(run(['replay', '--check', path]).stdout).toBe('1 of 1 traces identical, 4 operations\n');
  });

  it('says when the program can not be started', () => {
    expect(run(['record', join(folder, 'x'), '--', '/nowhere/program'])).toMatchObject({
      status: 3,
      stderr: expect.stringMatching(/can't be started: .*ENOENT/) as string,
    });
  });
});

describe('trace', () => {
  it('writes Chrome JSON that keeps the rules of the format', () => {
    const input = file(
      'story.jsonl',
      '{"mmap":{"addr":"0x10000000","len":"0x200000","prot":"rw","kind":"anon"}}\n{"fault":{"addr":"0x10000000","write":true}}\n',
    );
    const output = join(folder, 'story.json');
    expect(run(['trace', input, '-o', output])).toMatchObject({
      status: 0,
      stderr: '',
      stdout: expect.stringMatching(/story\.json: 2 operations, \d+ events/) as string,
    });
    const written = readFileSync(output, 'utf8');
    expect(chromeTraceFaults(JSON.parse(written))).toEqual([]);
    expect(run(['trace', input]).stdout).toBe(written);
    expect(run(['trace', input, '-o', join(folder, 'no', 'such', 'folder.json')])).toMatchObject({
      status: 3,
      stderr: expect.stringMatching(/can't be written: ENOENT/) as string,
    });
  });
});

describe('bench', () => {
  it('measures every call on the emulator, and gives numbers with --json', () => {
    const { status, stdout } = run(['bench', '--backend', 'emulated', '--time', '5', '--json']);
    expect(status).toBe(0);
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
    expect(run(['bench', 'get-one', '--backend', 'emulated', '--time', '5']).stdout).toMatch(
      /^emulated, emulated:renderD128\nname .*\nget-one /,
    );
  });

  it('ends with 4 where the device has no SVM', () =>
    expect(run(['bench', '--backend', 'emulated', '--asic', 'gfx1100'])).toMatchObject({ status: 4 }));
});
