import fs from 'node:fs';
import { release } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { temporaryFolder } from '../../test/support/after-file.ts';
import { amdgpuNode, FakeKernel } from '../../test/support/fake-kernel.ts';
import { listRenderNodes } from '../device/index.ts';
import { describeNodes, nodeLines } from './info-nodes.ts';
import type { NodeInfo, NodeSurroundings } from './info-nodes.ts';

const folder = temporaryFolder();
let trees = 0;
function write(root: string, files: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(root, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }
  return root;
}

/** A GPU of a topology: location 0xc100 is c1:00.0. */
const gpu = (version: number, minor: number, more = ''): string =>
  `gfx_target_version ${version}\ndrm_render_minor ${minor}\nlocation_id 49408\ndevice_id 29857\n${more}`;
function topology(...gpus: readonly string[]): string {
  const root = path.join(folder, `topology${trees++}`);
  write(root, { 'nodes/0/gpu_id': '0', 'nodes/0/properties': '' });
  for (const [index, properties] of gpus.entries())
    write(root, { [`nodes/${index + 1}/gpu_id`]: '77', [`nodes/${index + 1}/properties`]: properties });
  return root;
}

const V4 = ['amdgpu_gem_svm_ioctl', 'amdgpu_svm_attr_clear_pages'];
const V8 = ['amdgpu_gem_svm_ioctl', 'amdgpu_svm_attr_reset', 'amdgpu_svm_range_migrate_to_vram'];
function kernel(symbols: readonly string[], noretry?: string, minors: readonly number[] = [128, 129]): FakeKernel {
  const root = path.join(folder, `machine${trees++}`);
  return new FakeKernel(root, minors.map(amdgpuNode), { symbols, ...(noretry === undefined ? {} : { noretry }) });
}

const kfd = path.join(folder, 'kfd');
fs.writeFileSync(kfd, '');
const groups = path.join(folder, 'group');
const ownGroup = fs.statSync(kfd).gid;
fs.writeFileSync(groups, `other:x:54321:\nrender:x:${ownGroup}:somebody\n`);
/** What is known of the nodes of a machine on which KFD says yes. */
function infoOf(machine: FakeKernel, surroundings: NodeSurroundings): NodeInfo[] {
  const { nodes } = listRenderNodes(machine.search);
  return describeNodes(nodes, { kfd, groups, kfdRefusal: () => '', sysfs: machine.search.sysfs, ...surroundings });
}
const linesOf = (info: NodeInfo | undefined): string[] =>
  nodeLines(info!).map((line) => line.replaceAll(folder, '').replace(release(), 'RELEASE'));

it('says all that is known of an MI300X', () => {
  const machine = kernel(V8, '0');
  write(path.join(machine.search.sysfs, 'bus/pci/devices/0000:c1:00.0'), {
    product_name: 'AMD Instinct MI300X OAM\n',
    current_compute_partition: 'SPX\n',
    current_memory_partition: 'NPS1\n',
    'ip_discovery/die/0/GC/0/major': '9\n',
    'ip_discovery/die/0/GC/0/minor': '4\n',
    'ip_discovery/die/0/GC/0/revision': '3\n',
  });
  const [first, second] = infoOf(machine, { topology: topology(gpu(90_402, 128, 'num_xcc 8\n')) });
  expect(linesOf(first)).toEqual([
    expect.stringMatching(
      /renderD128 {2}driver amdgpu 3\.64\.0 of Linux RELEASE, SVM present: the kernel has revision v8: /,
    ),
    '  AMD Instinct MI300X OAM, gfx942, GC 9.4.3, at 0000:c1:00.0, device 0x74a1, 8 compute dies',
    '  partitions: SPX/NPS1, this node is the whole GPU',
    '  XNACK (retry faults): on; amdgpu.noretry is 0',
    '  compute VM: possible',
    '  group render: this user is a member, and may open the node',
  ]);
  expect([second!.gpu, second!.noComputeVm, second!.xnack]).toEqual([
    undefined,
    'KFD does not know this node',
    undefined,
  ]);
});

it('takes the catalogue for what the board does not say, and counts partitions', () => {
  const parts = Array.from({ length: 8 }, (_, index) =>
    gpu(90_402, 128 + index, `num_xcc 1\nlocation_id ${49_408 + index}\n`),
  );
  const machine = kernel(V4, undefined, [128, 131]);
  const [first, fourth] = infoOf(machine, { topology: topology(...parts) });
  const nodes = Array.from({ length: 8 }, (_, index) => `renderD${128 + index}`).join(', ');
  expect(linesOf(first)[2]).toBe(`  partitions: this node is part 1 of 8 of the GPU: ${nodes}`);
  expect(linesOf(fourth).slice(1, 4)).toEqual([
    expect.stringMatching(/^ {2}\S.* or like it, gfx942, GC 9\.4\.3, at 0000:c1:00\.3, device 0x74a1$/),
    `  partitions: this node is part 4 of 8 of the GPU: ${nodes}`,
    // Of V4 these have retry faults whatever the parameter is.
    '  XNACK (retry faults): on; amdgpu.noretry cannot be read; some GPUs need 0 for SVM',
  ]);
  const [odd] = infoOf(machine, { topology: topology(gpu(90_403, 128)) });
  expect(odd!.gpu).toMatchObject({ product: 'product unknown', gc: 'unknown' });
});

it.each([
  [
    'gfx906',
    90_006,
    V4,
    '1',
    /amdgpu\.noretry is 1, so that the GPU has no retry faults; boot with amdgpu\.noretry=0$/,
  ],
  ['gfx942 with v8', 90_402, V8, '1', /amdgpu\.noretry is 1, so that the GPU has no retry faults/],
  ['gfx1100', 110_000, V4, '0', /gfx1100 has no retry faults, which this revision of the driver needs$/],
] as const)('says that %s has no retry faults', (_, version, symbols, noretry, message) => {
  const [info] = infoOf(kernel(symbols, noretry), { topology: topology(gpu(version, 128)) });
  expect(info).toMatchObject({ xnack: false, noComputeVm: expect.stringMatching(message) });
  expect(linesOf(info)[3]).toMatch(/^ {2}XNACK \(retry faults\): off; /);
});

it('says why faults cannot reach SVM', () => {
  const machine = kernel(V8, '0');
  const known = topology(gpu(90_402, 128));
  const withKfd = (kfdRefusal: NodeSurroundings['kfdRefusal'], more: NodeSurroundings = {}): string =>
    infoOf(machine, { topology: known, ...(kfdRefusal === undefined ? {} : { kfdRefusal }), ...more })[0]!.noComputeVm;
  const asked = vi.fn(() => '/dev/kfd cannot be opened: there is none');
  expect(withKfd(asked, { kfd: '/dev/kfd' })).toBe('/dev/kfd cannot be opened: there is none');
  expect(asked).toHaveBeenCalledExactlyOnceWith('/dev/kfd');
  expect(withKfd(undefined, { topology: path.join(folder, 'none') })).toMatch(/^no KFD topology: ENOENT/);
  const hidden = topology(gpu(90_402, 128));
  fs.rmSync(path.join(hidden, 'nodes/1/properties'));
  expect(withKfd(undefined, { topology: hidden })).toMatch(/^KFD does not know this node; node 1 was left out: ENOENT/);
  const lines = linesOf(infoOf(machine, { topology: known, kfdRefusal: asked })[0]);
  expect(lines).toContain('  compute VM: no, so that no fault reaches SVM: /dev/kfd cannot be opened: there is none');
});

it('gives the command for a user who is not in the group of the node, or of KFD', () => {
  const machine = kernel(V8, '0', [128]);
  const node = path.join(machine.search.directory, 'renderD128');
  onTestFinished(() => void vi.restoreAllMocks());
  for (const file of [node, kfd]) fs.chmodSync(file, 0o660);
  const remedies = (groupsOfUser: number[], refused: readonly string[], groupFile = groups): readonly string[] => {
    vi.spyOn(process, 'getgroups').mockReturnValue(groupsOfUser);
    vi.spyOn(process, 'getegid').mockReturnValue(groupsOfUser[0]!);
    const refusal = (file: string): string => (refused.includes(file) ? 'EACCES: permission denied' : '');
    return infoOf(machine, { topology: topology(gpu(90_402, 128)), groups: groupFile, refusal })[0]!.remedies;
  };
  const command = expect.stringMatching(/^sudo usermod -aG render \S+, then log in again$/) as string;
  expect(remedies([ownGroup + 1], [node])).toEqual([command]);
  expect(remedies([ownGroup + 1], [node, kfd])).toEqual([command]);
  expect(remedies([ownGroup + 1], [kfd])).toEqual([command]);
  expect(remedies([ownGroup + 1], [])).toEqual([]);
  // Another thing than the group is missing.
  expect(remedies([ownGroup], [node, kfd])).toEqual([]);
  const empty = path.join(folder, 'no-groups');
  fs.writeFileSync(empty, '');
  expect(remedies([ownGroup + 1], [node], empty)).toEqual([
    `become a member of group ${ownGroup}, which has no name here`,
  ]);
  const [info] = infoOf(machine, { topology: topology(gpu(90_402, 128)), refusal: () => 'EACCES' });
  expect(linesOf(info).slice(-2)).toEqual([
    '  group render: this user is not a member, and may not open the node',
    expect.stringMatching(/^ {2}to be allowed: sudo usermod/),
  ]);
  fs.chmodSync(node, 0o600);
  expect(remedies([ownGroup + 1], [node])).toEqual([]);
});
