/** The benchmark of the boundary: what it takes for a render node has to be taken for one. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { compileC } from '../bench/c-baseline.ts';
import { nativeSupport } from '../lib/backend/native-addon.ts';
import { packageRoot } from '../lib/backend/package-root.ts';
import { temporaryFolder } from './support/after-file.ts';
import { describeIf } from './support/native-helpers.ts';

const root = packageRoot(import.meta.dirname)!;
const folder = temporaryFolder();
const shim = path.join(folder, 'accepting_shim.so');
const support = nativeSupport();
const problem = support.available
  ? compileC(['-shared', '-fPIC', '-o', shim, path.join(root, 'bench', 'native', 'accepting_shim.c')])
  : support.reason;

describeIf('the shim of the benchmark', problem ?? '', () => {
  it('makes a plain file a render node that accepts every SVM call, and no device that is not of DRM', () => {
    const file = path.join(folder, 'renderD128');
    fs.writeFileSync(file, '');
    const call = (node: string): ReturnType<typeof spawnSync> =>
      spawnSync(
        process.execPath,
        [
          '--input-type=module',
          '-e',
          `import { SvmDevice } from ${JSON.stringify(pathToFileURL(path.join(root, 'dist', 'lib', 'index.js')))};
          const device = SvmDevice.open({ backend: 'kernel', node: ${JSON.stringify(node)}, profile: 'v4' });
          device.setAttributes({ address: 0x7f0000000000n, size: 4096 }, { gpuReadMostly: true });
          device.close();`,
        ],
        { encoding: 'utf8', env: { ...process.env, LD_PRELOAD: shim } },
      );
    expect(call(file)).toMatchObject({ status: 0, stderr: '' });
    expect(call('/dev/null').stderr).toContain('it is device 1:3');
  });
});
