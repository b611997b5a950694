import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/after-file.ts';
import { amdgpuNode, driverNamed, FakeKernel } from '../../test/support/fake-kernel.ts';
import { describeNative } from '../../test/support/native-helpers.ts';
import { listRenderNodes } from './render-nodes.ts';

const folder = temporaryFolder();
const V4 = ['amdgpu_gem_svm_ioctl', 'amdgpu_svm_attr_clear_pages'];

describe('the list of render nodes', () => {
  it('is sorted by number, asks the driver, issues no ioctl and leaves nothing open', () => {
    const machine = new FakeKernel(
      join(folder, 'full'),
      [
        amdgpuNode(129),
        { ...amdgpuNode(128), driver: 'i915', sysfs: { name: 'renderD128', driver: 'i915' } },
        amdgpuNode(1000),
        { name: 'card0', driver: 'amdgpu' },
        { name: 'renderD128.txt', driver: 'amdgpu' },
      ],
      { symbols: V4, noretry: '0' },
    );
    const { directory, symbols } = machine.search;
    const { nodes, reason } = listRenderNodes(machine.search);
    expect(reason).toBe('');
    const usable = {
      driver: driverNamed('amdgpu'),
      svm: 'present',
      revision: 'v4',
      noretry: 0,
      reason: expect.stringContaining(symbols),
    };
    expect(nodes).toEqual([
      {
        path: join(directory, 'renderD128'),
        driver: undefined,
        svm: 'absent',
        revision: undefined,
        noretry: undefined,
        reason: 'no render node of amdgpu: the driver of device 226:128 is i915',
      },
      { path: join(directory, 'renderD129'), ...usable },
      { path: join(directory, 'renderD1000'), ...usable },
    ]);
    expect(machine.open).toBe(0);
    expect(machine.requests).toEqual([]);
  });

  it('keeps nodes that cannot be opened or asked, with the reason', () => {
    const machine = new FakeKernel(
      join(folder, 'refusing'),
      [{ ...amdgpuNode(128), openErrno: -13 }, { ...amdgpuNode(129), driver: -25 }, amdgpuNode(130)],
      { symbols: ['amdgpu_gem_va_ioctl'] },
    );
    const { nodes } = listRenderNodes(machine.search);
    expect(nodes.map(({ svm, driver }) => [svm, driver?.name])).toEqual([
      ['unknown', undefined],
      ['unknown', undefined],
      ['absent', 'amdgpu'],
    ]);
    expect(nodes[0]!.reason).toBe(`EACCES: permission denied, open '${join(machine.search.directory, 'renderD128')}'`);
    expect(nodes[1]!.reason).toMatch(/ENOTTY: .*DRM_IOCTL_VERSION/);
    expect(nodes[2]!.reason).toMatch(/has no amdgpu_gem_svm_ioctl/);
    expect(machine.open).toBe(0);
  });

  it('says why it is empty', () => {
    expect(listRenderNodes({ directory: join(folder, 'nowhere') })).toEqual({
      nodes: [],
      reason: expect.stringMatching(/^there is no .*nowhere$/),
    });
    const { search } = new FakeKernel(join(folder, 'empty'), [{ name: 'card0', driver: 'amdgpu' }]);
    expect(listRenderNodes(search)).toEqual({ nodes: [], reason: `there is no renderD* in ${search.directory}` });
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
      expect.stringMatching(/ENOTTY/),
      expect.stringMatching(/^EISDIR/),
    ]);
  });
});
