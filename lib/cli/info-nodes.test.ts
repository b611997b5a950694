import fs from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { amdgpuNode, FakeKernel } from '../../test/support/fake-kernel.ts';
import { temporaryFolder } from '../../test/support/native-helpers.ts';
import { listRenderNodes } from '../device/index.ts';
import { describeNodes, nodeLines } from './info-nodes.ts';

const folder = temporaryFolder();
const topology = path.join(folder, 'topology');
for (const [node, id, properties] of [
  [0, 0, ''],
  [1, 77, 'gfx_target_version 90402\ndrm_render_minor 128\nlocation_id 49408\ndevice_id 29857\nnum_xcc 8\n'],
] as const) {
  const each = path.join(topology, 'nodes', String(node));
  fs.mkdirSync(each, { recursive: true });
  fs.writeFileSync(path.join(each, 'gpu_id'), String(id));
  fs.writeFileSync(path.join(each, 'properties'), properties);
}
const kfd = path.join(folder, 'kfd');
fs.writeFileSync(kfd, '');
const V8 = ['amdgpu_gem_svm_ioctl', 'amdgpu_svm_attr_reset', 'amdgpu_svm_range_migrate_to_vram'];
const machine = new FakeKernel(path.join(folder, 'machine'), [amdgpuNode(128), amdgpuNode(129)], {
  symbols: V8,
  noretry: '-1',
});
const { nodes } = listRenderNodes(machine.search);

it('says what GPU a node is, what revision it has and whether faults can reach SVM', () => {
  const [first, second] = describeNodes(nodes, { kfd, topology });
  expect(nodeLines(first!).map((line) => line.replace(folder, ''))).toEqual([
    expect.stringMatching(/renderD128 {2}driver amdgpu 3\.64\.0, SVM present: the kernel has revision v8: /),
    '  gfx942 at 0000:c1:00.0, device 0x74a1, 8 compute dies',
    '  amdgpu.noretry is -1; some GPUs need 0 for SVM',
    '  compute VM: possible',
  ]);
  expect([second!.gpu, second!.noComputeVm]).toEqual([undefined, 'KFD does not know this node']);
});

it('says why faults cannot', () => {
  const absent = describeNodes(nodes, { kfd: path.join(folder, 'none'), topology })[0]!;
  expect(nodeLines(absent).at(-1)).toMatch(/compute VM: no, so that no fault reaches SVM: ENOENT/);
  const untold = describeNodes(nodes, { kfd, topology: path.join(folder, 'none') })[0]!;
  expect(untold.noComputeVm).toMatch(/^no KFD topology: ENOENT/);
});

it('gives the command for a user who is not in the group of the node', () => {
  const file = path.join(machine.search.directory, 'renderD128');
  const groups = path.join(folder, 'group');
  fs.chmodSync(file, 0o660);
  const gid = fs.statSync(file).gid;
  const remedy = (groupsOfUser: number[]): string => {
    vi.spyOn(process, 'getgroups').mockReturnValue(groupsOfUser);
    return describeNodes(nodes, { kfd, topology, groups, refusal: () => 'EACCES: permission denied' })[0]!.remedy;
  };
  fs.writeFileSync(groups, `other:x:54321:\nrender:x:${gid}:somebody\n`);
  expect(remedy([gid + 1])).toMatch(/^sudo usermod -aG render \S+, then log in again$/);
  // Another thing than the group is missing.
  expect(remedy([gid])).toBe('');
  fs.writeFileSync(groups, '');
  expect(remedy([gid + 1])).toBe(`become a member of group ${gid}, which has no name here`);
  fs.chmodSync(file, 0o600);
  expect(remedy([gid + 1])).toBe('');
  vi.restoreAllMocks();
  expect(describeNodes(nodes, { kfd, topology, groups })[0]!.remedy).toBe('');
});
