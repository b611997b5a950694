/** `--trace` of the command as a user runs it: which ioctls each call of a layer causes, next to the program's own output. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from './support/after-file.ts';
import { runHere } from './support/cli-here.ts';
import { ensureDist } from './support/package-support.ts';

const root = join(import.meta.dirname, '..');
const folder = temporaryFolder();
const program = join(folder, 'program.mjs');
beforeAll(async () => {
  await ensureDist();
  writeFileSync(
    program,
    `import { SvmDevice } from ${JSON.stringify(join(root, 'dist/lib/index.js'))};
import { EmulatedMachine } from ${JSON.stringify(join(root, 'dist/emulator/index.js'))};
import { HipMemoryAdvise, HipRuntime } from ${JSON.stringify(join(root, 'dist/lib/hip/index.js'))};
import { HsaRuntime } from ${JSON.stringify(join(root, 'dist/lib/hsa/index.js'))};
const devices = new EmulatedMachine({ gpus: 2 }).devices.map((emulator) => SvmDevice.open({ emulator }));
const hip = HipRuntime.open({ devices });
const memory = hip.mallocManaged(8192);
hip.memAdvise(memory, 8192, HipMemoryAdvise.setPreferredLocation, 1);
try { hip.memAdvise(memory, 8192, 3, 7); } catch (error) { console.log('refused:', error.codeName); }
hip.memPrefetchAsync(memory, 8192, 0);
await hip.deviceSynchronize();
hip.close();
const hsa = HsaRuntime.open({ devices });
hsa.svmAttributesGet(0x1000n, 4096, [{ attribute: 6 }]);
hsa.close();
devices[1].getAttributes({ address: 0x1000n, size: 4096 }, ['granularity']);
console.error('its own words');
process.exitCode = 7;
`,
  );
});

function run(args: readonly string[], environment: Record<string, string> = {}) {
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AMDGPU_SVM_'))),
    NO_COLOR: '1',
    ...environment,
  };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env });
  return { status, stdout, stderr };
}
const cli = (...args: string[]) => run([join(root, 'dist/lib/cli/main.cjs'), ...args]);

const LINES = [
  'hipMallocManaged(8192) -> GPU0: ACCESS=ALLOW_MIGRATE; GPU1: ACCESS=ALLOW_MIGRATE',
  'hipMemAdvise(SetPreferredLocation, 1) -> GPU1: PREFERRED_LOC=1',
  'hipMemAdvise(SetPreferredLocation, 7) -> no ioctl ! hipErrorInvalidDevice (101): device: expected a device below 2, got 7',
  'hipMemPrefetchAsync(0) -> GPU0: PREFETCH_LOC=1',
  'hsa_amd_svm_attributes_get(READ_MOSTLY) -> GPU0: GET GPU_READ_MOSTLY=0',
  'ioctl -> emulated:renderD129: GET GRANULARITY=9',
];

describe('run --trace', () => {
  it('writes each call and its ioctls to standard error, next to what the program says, and keeps its exit code', () => {
    const result = cli('run', '--trace', '--', process.execPath, program);
    expect(result).toEqual({
      status: 7,
      stdout: 'refused: hipErrorInvalidDevice\n',
      stderr: [...LINES, 'its own words', ''].join('\n'),
    });
  });

  it('=FILE writes to a file, which is emptied first, and leaves both outputs alone', () => {
    const path = join(folder, 'trace.txt');
    writeFileSync(path, 'old\n');
    expect(cli('run', `--trace=${path}`, '--', process.execPath, program)).toEqual({
      status: 7,
      stdout: 'refused: hipErrorInvalidDevice\n',
      stderr: 'its own words\n',
    });
    expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toEqual(LINES);
  });

  it('--json writes objects, with the ranges', () => {
    const lines = cli('run', '--trace', '--json', '--', process.execPath, program)
      .stderr.trimEnd()
      .split('\n')
      .slice(0, LINES.length);
    const calls = lines.map((line) => JSON.parse(line) as { call: string; ioctls: unknown[]; error?: unknown });
    expect(calls.map(({ call }) => call)).toEqual(LINES.map((line) => line.split(' -> ')[0]));
    expect(calls[1]!.ioctls).toEqual([
      {
        gpu: 'GPU1',
        operation: 'set',
        address: '0x1000000000',
        size: '0x2000',
        attributes: [{ type: 0, name: 'PREFERRED_LOC', value: 1 }],
        result: 0,
      },
    ]);
    expect(calls[2]).toMatchObject({ ioctls: [], error: { name: 'HipError', code: 101 } });
  });

  it('is the environment variable, which a program may be given without the command', () => {
    const plain = run([program]);
    expect(plain).toEqual({ status: 7, stdout: 'refused: hipErrorInvalidDevice\n', stderr: 'its own words\n' });
    expect(run([program], { AMDGPU_SVM_TRACE: '1' }).stderr).toBe([...LINES, 'its own words', ''].join('\n'));
    const path = join(folder, 'appended.jsonl');
    for (let times = 1; times <= 2; times++) {
      run([program], { AMDGPU_SVM_TRACE: `json:${path}` });
      expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toHaveLength(LINES.length * times);
    }
  });

  it('survives a reader that has gone', () => {
    const shell = `"${process.execPath}" "${join(root, 'dist/lib/cli/main.cjs')}" run --trace -- "${process.execPath}" "${program}" 2> >(head -n 0) >/dev/null; exit $?`;
    expect(spawnSync('bash', ['-c', shell], { encoding: 'utf8' }).status).toBe(7);
  });

  it.each([
    [['run'], /run: expected --trace -- COMMAND/],
    [['run', '--trace', 'true'], /run: unexpected argument "true"; a COMMAND is said after --/],
    [['run', '--', 'true'], /run: expected --trace or --trace=FILE/],
    [['run', '--json', '--', 'true'], /run: expected --trace or --trace=FILE/],
    [['run', '--trace=', '--', 'true'], /--trace: expected the name of a file, got ""/],
    [['run', '--tracer', '--', 'true'], /run: unknown option '--tracer' \(did you mean --trace\?\)/],
  ])('%j is wrong input', async (args, message) => {
    const { code, stdout, stderr } = await runHere(args);
    expect([code, stdout, stderr.trimEnd().split('\n').length]).toEqual([2, '', 1]);
    expect(stderr).toMatch(message);
  });

  it('says what cannot be started, or written', async () => {
    expect(await runHere(['run', '--trace', '--', '/nowhere/program'])).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/^amdgpu-svm run: .* cannot be started: .*ENOENT/) as string,
    });
    expect(await runHere(['run', `--trace=${join(folder, 'no', 'file')}`, '--', 'true'])).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/^amdgpu-svm: .* cannot be written: ENOENT/) as string,
    });
    expect((await runHere(['run', '--help'])).stdout).toMatch(
      /^Usage: amdgpu-svm run --trace\[=FILE\] \[--json\] -- COMMAND/,
    );
  });
});

describe('demo --trace', () => {
  it('adds the ioctls of the tour on standard error; the tour itself stays as it is', async () => {
    const { status, stdout, stderr } = cli('demo', '--backend', 'emulated', '--trace');
    expect(status).toBe(0);
    expect(stdout).toBe((await runHere(['demo', '--backend', 'emulated'])).stdout);
    expect(stderr.split('\n').slice(-7, -1)).toEqual([
      'hipMallocManaged(1048576) -> GPU0: ACCESS=ALLOW_MIGRATE',
      'hipMemAdvise(SetPreferredLocation, 0) -> GPU0: PREFERRED_LOC=1',
      'hipMemAdvise(SetReadMostly, 0) -> GPU0: GPU_READ_MOSTLY=1',
      'hipMemPrefetchAsync(0) -> GPU0: PREFETCH_LOC=1',
      'hipMemPrefetchAsync(-1) -> GPU0: PREFETCH_LOC=SYSMEM',
      'ioctl -> emulated:renderD128: COHERENT=1 [EINVAL]',
    ]);
  });

  it('--json --trace=FILE: both as JSON', async () => {
    const path = join(folder, 'demo.jsonl');
    const { stdout, stderr } = cli('demo', '--json', `--trace=${path}`);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toHaveProperty('steps');
    const calls = readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { call: string }).call);
    expect(calls).toContain('hipMemAdvise(SetPreferredLocation, 0)');
    expect(existsSync(join(root, 'true'))).toBe(false);
  });
});
