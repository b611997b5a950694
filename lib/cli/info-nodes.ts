/** What `amdgpu-svm info` says of each render node beyond its driver: the GPU, the kernel, and what keeps it from being used. */
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { release, userInfo } from 'node:os';
import { kernelXnack } from '../backend/kernel-xnack.ts';
import { kfdRefusal } from '../backend/kfd/connection.ts';
import { nativeAddon, nativeSupport } from '../backend/native-addon.ts';
import type { RenderNode } from '../device/index.ts';
import { DEFAULT_PROFILE, uapiProfile } from '../uapi/profile.ts';
import { gpuFinder } from './info-gpus.ts';
import type { GpuInfo, GpuPlaces } from './info-gpus.ts';

/** A render node as `info` shows it. */
export interface NodeInfo {
  readonly path: string;
  /** Name and version of the driver, and the release of the kernel that it belongs to. */
  readonly driver: string;
  readonly kernel: string;
  readonly svm: string;
  readonly revision: string | undefined;
  /** Module parameter amdgpu.noretry. */
  readonly noretry: number | undefined;
  /** Whether the GPU has retry faults, as far as that can be told without asking its driver. */
  readonly xnack: boolean | undefined;
  readonly reason: string;
  /** What KFD knows of it, and sysfs. */
  readonly gpu: GpuInfo | undefined;
  /** Whether the GPU address space can become one whose faults reach SVM, '' if so; else why not. */
  readonly noComputeVm: string;
  /** The group of the node, and whether this user is in it; undefined where the file cannot be looked at. */
  readonly group: { readonly name: string; readonly member: boolean } | undefined;
  /** Whether this user may open the node. */
  readonly mayOpen: boolean;
  /** Commands that let this user open what is refused; none where a group is not what is missing. */
  readonly remedies: readonly string[];
}

/** Where to look; the defaults are those of Linux. */
export interface NodeSurroundings extends GpuPlaces {
  readonly kfd?: string;
  /** '/etc/group' */
  readonly groups?: string;
  /** Why this user may not open a file for reading and writing, '' if they may. */
  readonly refusal?: (path: string) => string;
  /** Why KFD cannot be used, '' if it can. Default: it is opened and asked for its version. */
  readonly kfdRefusal?: (path: string) => string;
}

const KFD = '/dev/kfd';

/** The nodes with what is known of them. */
export function describeNodes(nodes: readonly RenderNode[], surroundings: NodeSurroundings = {}): NodeInfo[] {
  if (nodes.length === 0) return [];
  const { kfd = KFD, groups = '/etc/group', refusal = refusalOf } = surroundings;
  const noKfd = (surroundings.kfdRefusal ?? whyNoKfd)(kfd);
  const gpuOf = gpuFinder(surroundings);
  return nodes.map((node) => {
    const { path, driver, svm, revision, noretry } = node;
    const gpu = gpuOf(path);
    const known = typeof gpu === 'string' ? undefined : gpu;
    const behaviour = uapiProfile(revision ?? DEFAULT_PROFILE).behaviour;
    // Of an unknown revision nothing follows.
    const { xnack, switchedOffByNoretry } =
      revision === undefined
        ? { xnack: undefined, switchedOffByNoretry: undefined }
        : kernelXnack({ gfx: known?.gfx, noretry }, behaviour, false);
    const noVm =
      noKfd !== ''
        ? noKfd
        : typeof gpu === 'string'
          ? gpu
          : xnack === false && !behaviour.runsWithoutRetryFaults
            ? whyNoRetryFaults(gpu.gfx, switchedOffByNoretry === true)
            : '';
    const refused = [path, kfd].filter((each) => refusal(each) !== '');
    return {
      path,
      driver: driver === undefined ? 'unknown' : `${driver.name} ${driver.major}.${driver.minor}.${driver.patchlevel}`,
      kernel: kernelRelease(),
      svm,
      revision,
      noretry,
      xnack,
      reason: node.reason,
      gpu: known,
      noComputeVm: noVm,
      group: groupOf(path, groups),
      mayOpen: !refused.includes(path),
      remedies: [...new Set(refused.map((each) => remedyFor(each, groups)).filter((remedy) => remedy !== ''))],
    };
  });
}

function whyNoRetryFaults(gfx: string, byNoretry: boolean): string {
  return byNoretry
    ? 'amdgpu.noretry is 1, so that the GPU has no retry faults; boot with amdgpu.noretry=0'
    : `${gfx} has no retry faults, which this revision of the driver needs`;
}

/** Opens KFD and closes it again. */
function whyNoKfd(path: string): string {
  const { available, reason } = nativeSupport();
  return available ? kfdRefusal(nativeAddon(), path) : reason;
}

/** Release of the running kernel. */
export function kernelRelease(): string {
  return release();
}

/** The lines for one node. */
export function nodeLines(node: NodeInfo): string[] {
  const { gpu, noretry, noComputeVm, remedies, group, xnack } = node;
  const lines = [`${node.path}  driver ${node.driver} of Linux ${node.kernel}, SVM ${node.svm}: ${node.reason}`];
  if (gpu !== undefined) {
    const dies = gpu.xccs === 1 ? '' : `, ${gpu.xccs} compute dies`;
    lines.push(
      `  ${gpu.product}, ${gpu.gfx}, GC ${gpu.gc}, at ${gpu.pci}, device 0x${gpu.deviceId.toString(16)}${dies}`,
      `  partitions: ${gpu.partitions}`,
    );
  }
  if (node.driver.startsWith('amdgpu')) {
    const parameter = noretry === undefined ? 'cannot be read' : `is ${noretry}`;
    const faults = xnack === undefined ? 'not to be told from here' : xnack ? 'on' : 'off';
    lines.push(
      `  XNACK (retry faults): ${faults}; amdgpu.noretry ${parameter}${noretry === 0 ? '' : '; some GPUs need 0 for SVM'}`,
      noComputeVm === '' ? '  compute VM: possible' : `  compute VM: no, so that no fault reaches SVM: ${noComputeVm}`,
    );
  }
  if (group !== undefined) {
    const member = group.member ? 'is a member' : 'is not a member';
    lines.push(`  group ${group.name}: this user ${member}, and may ${node.mayOpen ? '' : 'not '}open the node`);
  }
  for (const remedy of remedies) lines.push(`  to be allowed: ${remedy}`);
  return lines;
}

/** Why a file cannot be opened for reading and writing, '' if it can. */
function refusalOf(path: string): string {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

/** The group of a file, and whether the process is in it. */
function groupOf(path: string, groupFile: string): NodeInfo['group'] {
  try {
    const { gid } = statSync(path);
    return { name: nameOfGroup(gid, groupFile) ?? String(gid), member: isMember(gid) };
  } catch {
    return undefined;
  }
}

function isMember(gid: number): boolean {
  return process.getgroups?.().includes(gid) === true || process.getegid?.() === gid;
}

function nameOfGroup(gid: number, groupFile: string): string | undefined {
  const line = readFileSync(groupFile, 'utf8')
    .split('\n')
    .find((each) => each.split(':')[2] === String(gid));
  const name = line?.split(':')[0];
  return name !== undefined && /^[\w-]+$/.test(name) ? name : undefined;
}

/** The command that puts the user into the group of the file, where that is what is missing. */
function remedyFor(path: string, groupFile: string): string {
  try {
    const { gid, mode } = statSync(path);
    if ((mode & 0o060) !== 0o060 || isMember(gid)) return '';
    const group = nameOfGroup(gid, groupFile);
    if (group === undefined) return `become a member of group ${gid}, which has no name here`;
    return `sudo usermod -aG ${group} ${userInfo().username}, then log in again`;
  } catch {
    return '';
  }
}
