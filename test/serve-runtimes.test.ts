import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from './support/after-file.ts';
import { root, run } from './support/package-support.ts';
import { cli, describeWhere, whyNotServed } from './support/served-node.ts';

/** Debian's packages of ROCm, which `.ci/run` installs. */
function whyNoRuntimes(): string {
  const served = whyNotServed();
  if (served !== '') return served;
  const header = spawnSync(
    process.env['CC'] || 'cc',
    ['-E', '-include', 'hsa/hsa_ext_amd.h', '-include', 'hsakmt.h', '-'],
    {
      input: '',
    },
  );
  if (header.status !== 0) return 'no C compiler with the headers of libhsakmt-dev and libhsa-runtime-dev';
  if (spawnSync('pkg-config', ['--exists', 'libdrm_amdgpu']).status !== 0)
    return 'libdrm_amdgpu not found by pkg-config';
  if (spawnSync('sh', ['-c', 'command -v rocminfo']).status !== 0) return 'rocminfo is not installed';
  if (spawnSync('unshare', ['-m', 'true']).status !== 0) return 'no mount namespace may be made here';
  return '';
}

/** No tests of ours need them: they are Debian's, unmodified. */
describeWhere(whyNoRuntimes, 'programs of ROCm on a served KFD', () => {
  const folder = temporaryFolder();

  function compile(source: string, ...libraries: string[]): string {
    const program = path.join(folder, source);
    const file = path.join(root, 'native', 'test', 'clients', `${source}.c`);
    const flags = ['-Wall', '-Wextra', '-Werror', '-D_GNU_SOURCE', '-I', '/usr/include/libdrm'];
    const result = spawnSync(process.env['CC'] || 'cc', [...flags, file, '-o', program, ...libraries], {
      encoding: 'utf8',
    });
    expect(result.stderr).toBe('');
    return program;
  }

  it('rocminfo lists the GPU, libdrm sets attributes, libhsakmt fills and copies untouched memory, and the HSA runtime copies', async () => {
    const thunk = compile('kfd_thunk', '-lhsakmt');
    const copy = compile('hsa_copy', '-lhsa-runtime64');
    const libdrm = compile('svm_libdrm', '-ldrm_amdgpu', '-ldrm');
    const script = `rocminfo && ${libdrm} /dev/dri/renderD128 && ${thunk} && HSA_ENABLE_SDMA=1 ${copy}`;
    const result = await run(process.execPath, [cli, 'serve', '--run', '--asic', 'gfx90a', '--', 'sh', '-c', script]);
    expect(result).toMatchObject({ code: 0 });
    expect(result.output).toMatch(/Name: +gfx90a/);
    expect(result.output).toMatch(/amdgcn-amd-amdhsa--gfx90a:sramecc[-+]:xnack\+/);
    expect(result.output).toContain('ok - they are those that were set');
    expect(result.output).toContain('ok - every byte is right, in memory that nobody had touched');
    expect(result.output).toMatch(/and back[^]*ok - every byte is right \nok - the runtime ends/);
    expect(result.output).not.toContain('not ok');
  }, 60_000);

  it.each(['v4', 'v8'])(
    'SVM of libhsakmt and of the HSA runtime is that of the machine, in %s',
    async (profile) => {
      const thunk = compile('svm_thunk', '-lhsakmt');
      const hsa = compile('svm_hsa', '-lhsa-runtime64');
      const command = ['sh', '-c', `${thunk} && HSA_ENABLE_SDMA=1 ${hsa}`];
      const args = ['serve', '--run', '--log', '--asic', 'gfx90a', '--profile', profile, '--', ...command];
      const result = await run(process.execPath, [cli, ...args]);
      expect(result).toMatchObject({ code: 0 });
      expect(result.output).not.toContain('not ok');
      expect(result.output).toMatch(/ok - KFD closes\n[^]*ok - every byte is right\nok - the runtime ends\n/);
      expect(result.output).toMatch(/AMDKFD_IOC_SVM set \[0x\w+, \+0x100000\) PREFETCH_LOC:0x5100 = 0/);
      expect(result.output).toMatch(new RegExp(`unlike KFD's SVM, that of ${profile}: `));
    },
    60_000,
  );

  it('a device of libdrm sets and reads attributes with the number of v8, too', async () => {
    const program = compile('svm_libdrm', '-ldrm_amdgpu', '-ldrm');
    const command = [program, '/dev/dri/renderD128', '--revision', 'v8'];
    const result = await run(process.execPath, [cli, 'serve', '--run', '--profile', 'v8', '--', ...command]);
    expect(result).toMatchObject({ code: 0 });
    expect(result.output).toContain('ok - they are those that were set');
  }, 60_000);
});
