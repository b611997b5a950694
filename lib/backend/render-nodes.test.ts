import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeNative, temporaryFolder } from '../../test/support/native-helpers.ts';
import type { DeviceHandle } from '../../native/native.d.ts';
import type { DriverVersion, NativeAddon } from './native-addon.ts';
import { listRenderNodes, scanKernelSymbols } from './render-nodes.ts';

const folder = temporaryFolder();

function symbolFile(name: string, contents: string): string {
  const path = join(folder, name);
  writeFileSync(path, contents);
  return path;
}

const OTHER_SYMBOLS = '0000000000000000 T vfs_read\n0000000000000000 t amdgpu_gem_va_ioctl\t[amdgpu]\n';
const WITH_SVM = symbolFile('with', `${OTHER_SYMBOLS}0000000000000000 t amdgpu_gem_svm_ioctl\t[amdgpu]\n`);
const WITHOUT_SVM = symbolFile('without', OTHER_SYMBOLS);

/** A folder with device files, and an addon that knows their drivers. No ioctl is allowed. */
function machine(name: string, drivers: Readonly<Record<string, string | number>>) {
  const directory = join(folder, name);
  mkdirSync(directory);
  let open = 0;
  const files = new Map<DeviceHandle, string | number>();
  for (const file of Object.keys(drivers)) writeFileSync(join(directory, file), '');
  const addon: Partial<NativeAddon> = {
    open(path) {
      const driver = drivers[path.slice(directory.length + 1)]!;
      if (driver === -13) return driver;
      const handle = {} as DeviceHandle;
      files.set(handle, driver);
      open++;
      return handle;
    },
    close: () => (open--, 0),
    driverVersion(handle) {
      const driver = files.get(handle)!;
      return typeof driver === 'number' ? driver : version(driver);
    },
  };
  return { directory, addon: addon as NativeAddon, open: () => open };
}

function version(name: string): DriverVersion {
  return { name, date: '', description: '', major: 3, minor: 64, patchlevel: 0 };
}

describe('the list of render nodes', () => {
  it('is sorted by number, asks the driver, issues no ioctl and leaves nothing open', () => {
    const { directory, addon, open } = machine('full', {
      renderD129: 'amdgpu',
      renderD128: 'i915',
      renderD1000: 'amdgpu',
      card0: 'amdgpu',
      'renderD128.txt': 'amdgpu',
    });
    const { nodes, reason } = listRenderNodes({ directory, addon, symbols: WITH_SVM });
    expect(reason).toBe('');
    expect(nodes).toEqual([
      {
        path: join(directory, 'renderD128'),
        driver: version('i915'),
        svm: 'absent',
        reason: 'the driver is i915, not amdgpu',
      },
      {
        path: join(directory, 'renderD129'),
        driver: version('amdgpu'),
        svm: 'present',
        reason: expect.stringContaining(WITH_SVM),
      },
      {
        path: join(directory, 'renderD1000'),
        driver: version('amdgpu'),
        svm: 'present',
        reason: expect.stringContaining('the kernel has'),
      },
    ]);
    expect(open()).toBe(0);
  });

  it('keeps nodes that can not be opened or asked, with the reason', () => {
    const { directory, addon, open } = machine('refusing', { renderD128: -13, renderD129: -25, renderD130: 'amdgpu' });
    const { nodes } = listRenderNodes({ directory, addon, symbols: WITHOUT_SVM });
    expect(nodes.map(({ svm, driver }) => [svm, driver?.name])).toEqual([
      ['unknown', undefined],
      ['unknown', undefined],
      ['absent', 'amdgpu'],
    ]);
    expect(nodes[0]!.reason).toBe(`EACCES: permission denied, open '${join(directory, 'renderD128')}'`);
    expect(nodes[1]!.reason).toMatch(/^ENOTTY: .*DRM_IOCTL_VERSION/);
    expect(nodes[2]!.reason).toMatch(/has no amdgpu_gem_svm_ioctl/);
    expect(open()).toBe(0);
  });

  it('says why it is empty', () => {
    expect(listRenderNodes({ directory: join(folder, 'nowhere') })).toEqual({
      nodes: [],
      reason: expect.stringMatching(/^there is no .*nowhere$/),
    });
    const { directory, addon } = machine('empty', { card0: 'amdgpu' });
    expect(listRenderNodes({ directory, addon })).toEqual({
      nodes: [],
      reason: `there is no renderD* in ${directory}`,
    });
  });

  it('does not throw on this machine', () => {
    expect(Array.isArray(listRenderNodes().nodes)).toBe(true);
  });
});

describeNative('with the real addon', () => {
  it('a file that is no device is reported with its errno', () => {
    const directory = join(folder, 'files');
    mkdirSync(join(directory, 'renderD129'), { recursive: true });
    writeFileSync(join(directory, 'renderD128'), '');
    expect(listRenderNodes({ directory }).nodes.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^ENOTTY/),
      expect.stringMatching(/^EISDIR/),
    ]);
  });
});

describe('the scan of the kernel symbols', () => {
  it('finds the handler, also built in, at the end of the file, or with a compiler suffix', () => {
    expect(scanKernelSymbols(WITH_SVM).svm).toBe('present');
    for (const line of [
      '0 T amdgpu_gem_svm_ioctl\n',
      '0 T amdgpu_gem_svm_ioctl',
      '0 t amdgpu_gem_svm_ioctl.llvm.123\t[amdgpu]\n',
    ]) {
      expect(scanKernelSymbols(symbolFile('line', line)).svm).toBe('present');
    }
  });

  it('is not taken in by longer names', () => {
    for (const name of ['amdgpu_gem_svm_ioctl2', '__pfx_amdgpu_gem_svm_ioctl', 'amdgpu_gem_svm_ioctl_compat']) {
      expect(scanKernelSymbols(symbolFile('longer', `${OTHER_SYMBOLS}0 t ${name}\n0 t ${name}`)).svm).toBe('absent');
    }
  });

  it('finds names across every chunk border', () => {
    const size = 256 * 1024;
    const line = '0000000000000000 t amdgpu_gem_svm_ioctl\t[amdgpu]\n';
    for (let shift = -60; shift <= 10; shift++) {
      const contents =
        Buffer.alloc(size + shift, '0000000000000000 t x\n').toString('latin1') +
        '\n' +
        line +
        '0 t y\n'.repeat(50_000);
      expect(scanKernelSymbols(symbolFile('chunks', contents)).svm, `shift ${shift}`).toBe('present');
    }
  });

  it('finds nothing in a table with no symbol of amdgpu, and says what to do', () => {
    for (const contents of ['', '0 T vfs_read\n']) {
      expect(scanKernelSymbols(symbolFile('filtered', contents))).toEqual({
        svm: 'unknown',
        reason: expect.stringMatching(/it is filtered; unknown: say profile "v4" explicitly$/),
      });
    }
  });

  it('says so when the table can not be read', () => {
    expect(scanKernelSymbols(join(folder, 'none'))).toEqual({
      svm: 'unknown',
      reason: expect.stringMatching(/^ENOENT.*; unknown: say profile "v4" explicitly$/),
    });
    expect(scanKernelSymbols(folder).reason).toMatch(/^EISDIR/);
  });

  it('goes through the real table of this kernel without throwing', () => {
    expect(['present', 'absent', 'unknown']).toContain(scanKernelSymbols().svm);
  });
});
