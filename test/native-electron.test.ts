/**
 * What the addon needs to load in Electron, and what is different there, as far as Node can show it: Electron's binary is in
 * no package. Electron has Node-API of the Node in it, and no ArrayBuffer over memory of an addon.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataType, load, open } from 'ffi-rs';
import { expect, it } from 'vitest';
import { nativeSupport } from '../lib/backend/native-addon.ts';
import { temporaryFolder } from './support/after-file.ts';
import { describeIf, describeNative } from './support/native-helpers.ts';
import { buildPreloaded } from './support/native-shim.ts';
import { ensureDist, root, runNode } from './support/package-support.ts';

/** What the addon is built for. Electron 35, the first with a Node that the package takes, has version 10. */
const NODE_API = 9;

describeNative('the addon in other programs than Node', () => {
  const addon = nativeSupport().path!;

  it('says that it needs Node-API 9', () => {
    open({ library: 'addon', path: addon });
    const version = load({
      library: 'addon',
      funcName: 'node_api_module_get_api_version_v1',
      retType: DataType.I32,
      paramsType: [],
      paramsValue: [],
    });
    expect(version).toBe(NODE_API);
  });

  it('uses nothing of Node and V8 but functions of Node-API 9', () => {
    const { stdout } = spawnSync('readelf', ['--dyn-syms', '--wide', addon], { encoding: 'utf8' });
    const missing = [...stdout.matchAll(/ UND ([^\s@]+)/g)].map(([, name]) => name!);
    const functions = missing.filter((name) => /^(napi_|node_api_)/.test(name));
    // The development dependency that brings the lists of each version along.
    const headers: { symbols: Record<string, Record<string, string[]>> } = createRequire(
      createRequire(import.meta.url).resolve('cmake-js/package.json'),
    )('node-api-headers');
    const known = new Set(Object.values(headers.symbols[`v${NODE_API}`]!).flat());
    expect(functions.length).toBeGreaterThan(30);
    expect(functions.filter((name) => !known.has(name))).toEqual([]);
    expect(missing.filter((name) => /^_ZNK?(2v8|4node)/.test(name) || /^(uv_|node_)/.test(name))).toEqual([]);
  });
});

const folder = temporaryFolder();

/** A copy that asks for a function of `native/test/no_external_buffers.c`, by a name of the same length. */
function addonWithoutExternalBuffers(): string {
  const bytes = readFileSync(nativeSupport().path!);
  const at = bytes.indexOf('\0napi_create_external_arraybuffer\0');
  expect(at).toBeGreaterThan(0);
  bytes.write('x', at + 1);
  const copy = join(folder, 'amdgpu_svm.node');
  writeFileSync(copy, bytes);
  return copy;
}

const [noBuffers, ioctls] = ['no_external_buffers', 'ioctl_shim'].map((name) => buildPreloaded(folder, name));

describeIf('without ArrayBuffers over memory of the addon', noBuffers!.problem || ioctls!.problem, () => {
  it('memory is read and written, `bytes` says ENOTSUP, and ioctls go through', async () => {
    await ensureDist();
    const node = join(folder, 'renderD128');
    writeFileSync(node, '');
    const program = `
      const { SvmDevice } = require(${JSON.stringify(join(root, 'dist/lib/index.cjs'))});
      const device = SvmDevice.open({ backend: 'kernel', node: ${JSON.stringify(node)}, profile: 'v4', kfd: 'none' });
      const buffer = device.memory.map(8192);
      buffer.write(4095, Uint8Array.of(1, 2));
      const code = (action) => { try { action(); return 'accepted'; } catch (error) { return error.code; } };
      console.log(JSON.stringify([
        [...buffer.read(4094, 4)],
        code(() => buffer.bytes),
        code(() => device.setAttributes(buffer, { gpuReadOnly: true })),
        code(() => buffer.unmap()),
      ]));
    `;
    const env = {
      ...process.env,
      AMDGPU_SVM_ADDON: addonWithoutExternalBuffers(),
      LD_PRELOAD: [process.env['LD_PRELOAD'], noBuffers!.library, ioctls!.library].filter(Boolean).join(':'),
    };
    const { code, stdout, output } = await runNode(['-e', program], { env });
    expect(code, output).toBe(0);
    // The file is no device: the ioctl is the system's to refuse.
    expect(JSON.parse(stdout)).toEqual([[0, 1, 2, 0], 'ENOTSUP', 'ENOTTY', 'accepted']);
  });
});
