/** What `amdgpu-svm info` says of each render node beyond its driver: the GPU, the kernel, and what keeps it from being used. */
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { release, userInfo } from 'node:os';
import { readKfdTopology } from '../backend/kfd/topology.ts';
import type { KfdGpu } from '../backend/kfd/topology.ts';
import type { RenderNode } from '../device/index.ts';

/** A render node as `info` shows it. */
export interface NodeInfo {
  readonly path: string;
  readonly driver: string;
  readonly svm: string;
  readonly revision: string | undefined;
  /** Module parameter amdgpu.noretry. */
  readonly noretry: number | undefined;
  readonly reason: string;
  /** What KFD knows of it. */
  readonly gpu: Pick<KfdGpu, 'gfx' | 'pci' | 'deviceId' | 'xccs'> | undefined;
  /** Whether the GPU address space can become one whose faults reach SVM, '' if so; else why not. */
  readonly noComputeVm: string;
  /** A command that lets this user open the node; '' where that is not what is missing. */
  readonly remedy: string;
}

/** Where to look; the defaults are those of Linux. */
export interface NodeSurroundings {
  readonly kfd?: string;
  readonly topology?: string;
  /** '/etc/group' */
  readonly groups?: string;
  /** Why this user may not open a node, '' if they may. */
  readonly refusal?: (path: string) => string;
}

/** The nodes with what is known of them. */
export function describeNodes(nodes: readonly RenderNode[], surroundings: NodeSurroundings = {}): NodeInfo[] {
  if (nodes.length === 0) return [];
  const { gpus, reason } = readKfdTopology(surroundings.topology);
  const kfd = refusalOf(surroundings.kfd ?? '/dev/kfd');
  return nodes.map((node) => {
    const { path, driver, svm, revision, noretry } = node;
    const gpu = gpus.find(({ renderMinor }) => path.endsWith(`/renderD${renderMinor}`));
    const noComputeVm = kfd !== '' ? kfd : gpu === undefined ? reason || 'KFD does not know this node' : '';
    return {
      path,
      driver: driver === undefined ? 'unknown' : `${driver.name} ${driver.major}.${driver.minor}.${driver.patchlevel}`,
      svm,
      revision,
      noretry,
      reason: node.reason,
      gpu: gpu && { gfx: gpu.gfx, pci: gpu.pci, deviceId: gpu.deviceId, xccs: gpu.xccs },
      noComputeVm,
      remedy:
        (surroundings.refusal ?? refusalOf)(path) === '' ? '' : remedyFor(path, surroundings.groups ?? '/etc/group'),
    };
  });
}

/** Release of the running kernel. */
export function kernelRelease(): string {
  return release();
}

/** The lines for one node. */
export function nodeLines(node: NodeInfo): string[] {
  const { gpu, noretry, noComputeVm, remedy } = node;
  const lines = [`${node.path}  driver ${node.driver}, SVM ${node.svm}: ${node.reason}`];
  if (gpu !== undefined) {
    const dies = gpu.xccs === 1 ? '' : `, ${gpu.xccs} compute dies`;
    lines.push(`  ${gpu.gfx} at ${gpu.pci}, device 0x${gpu.deviceId.toString(16)}${dies}`);
  }
  if (noretry !== undefined)
    lines.push(`  amdgpu.noretry is ${noretry}${noretry === 0 ? '' : '; some GPUs need 0 for SVM'}`);
  if (node.driver.startsWith('amdgpu')) {
    lines.push(
      noComputeVm === '' ? '  compute VM: possible' : `  compute VM: no, so that no fault reaches SVM: ${noComputeVm}`,
    );
  }
  if (remedy !== '') lines.push(`  to be allowed: ${remedy}`);
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

/** The command that puts the user into the group of the file, where that is what is missing. */
function remedyFor(path: string, groupFile: string): string {
  try {
    const { gid, mode } = statSync(path);
    if ((mode & 0o060) !== 0o060 || process.getgroups?.().includes(gid) === true) return '';
    const line = readFileSync(groupFile, 'utf8')
      .split('\n')
      .find((each) => each.split(':')[2] === String(gid));
    const group = line?.split(':')[0];
    if (group === undefined || !/^[\w-]+$/.test(group))
      return `become a member of group ${gid}, which has no name here`;
    return `sudo usermod -aG ${group} ${userInfo().username}, then log in again`;
  } catch {
    return '';
  }
}
