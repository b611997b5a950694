/** KFD's topology: which GPU belongs to which render node, and what its DMA engines can do (spec/kfd-queue §2). */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codedError } from '../../uapi/errors.ts';

/** Where a kernel shows it. */
const KFD_TOPOLOGY = '/sys/devices/virtual/kfd/kfd/topology';

/** A GPU of the topology. */
export interface KfdGpu {
  /** Number of its node, which is not the number of the GPU: CPUs have nodes too. */
  readonly node: number;
  /** What KFD's ioctls call it: u32, never 0. */
  readonly gpuId: number;
  /** 'gfx942'. */
  readonly gfx: string;
  /** N of /dev/dri/renderDN; partitions of one card have one each. */
  readonly renderMinor: number;
  readonly vendorId: number;
  readonly deviceId: number;
  /** PCI address: 'dddd:bb:dd.f'. Partitions of one card share it. */
  readonly pciAddress: string;
  readonly sdmaEngines: number;
  readonly sdmaQueuesPerEngine: number;
  /** Accelerator dies that the node joins: more than 1 on MI300, unless it is partitioned. */
  readonly xccs: number;
  /** Whether the kernel has KFD's own SVM ioctl for it. */
  readonly hasKfdSvm: boolean;
}

/** What the topology shows to this process. */
export interface KfdTopology {
  readonly gpus: readonly KfdGpu[];
  /** Numbers of the nodes that the device cgroup hides (a container without that GPU). */
  readonly hiddenNodes: readonly number[];
}

const KFD_SVM_CAPABILITY = 27n;

/** How the tree is read: a test gives its own, since no tree of files can be as forbidding as a device cgroup. */
export interface TopologyFiles {
  list(directory: string): string[];
  read(path: string): string;
}
const FILES: TopologyFiles = {
  list: (directory) => readdirSync(directory),
  read: (path) => readFileSync(path, 'latin1'),
};

/**
 * Reads the topology under `directory`. Throws `ERR_SVM_KFD_TOPOLOGY` with the file and what is wrong with it, and where
 * there is no topology at all.
 */
export function readKfdTopology(directory: string = KFD_TOPOLOGY, files: TopologyFiles = FILES): KfdTopology {
  const nodes = join(directory, 'nodes');
  let names: string[];
  try {
    names = files.list(nodes);
  } catch (error) {
    throw topologyError(nodes, `cannot be listed: ${(error as Error).message}`, error);
  }
  const gpus: KfdGpu[] = [];
  const hiddenNodes: number[] = [];
  for (const node of names
    .filter((name) => /^\d{1,9}$/.test(name))
    .map(Number)
    .sort((left, right) => left - right)) {
    const folder = join(nodes, String(node));
    const gpuId = readGpuId(files, join(folder, 'gpu_id'));
    if (gpuId === undefined) hiddenNodes.push(node);
    else if (gpuId !== 0) gpus.push(readGpu(node, gpuId, readProperties(files, join(folder, 'properties'))));
  }
  const minors = new Map<number, KfdGpu>();
  for (const gpu of gpus) {
    const other = minors.get(gpu.renderMinor);
    if (other !== undefined)
      throw topologyError(nodes, `nodes ${other.node} and ${gpu.node} both name render minor ${gpu.renderMinor}`);
    minors.set(gpu.renderMinor, gpu);
  }
  return { gpus, hiddenNodes };
}

/**
 * The GPU behind /dev/dri/renderD`renderMinor`. It is told by the minor, never by its PCI address, which partitions
 * share. Throws `ERR_SVM_KFD_TOPOLOGY` with those that there are.
 */
export function gpuOfRenderMinor(topology: KfdTopology, renderMinor: number): KfdGpu {
  const found = topology.gpus.find((gpu) => gpu.renderMinor === renderMinor);
  if (found !== undefined) return found;
  const known = topology.gpus.map((gpu) => `${gpu.gfx} at renderD${gpu.renderMinor}`).join(', ') || 'none';
  const hidden =
    topology.hiddenNodes.length === 0 ? '' : `; nodes hidden from this process: ${topology.hiddenNodes.join(', ')}`;
  throw codedError('ERR_SVM_KFD_TOPOLOGY', `KFD knows no GPU of renderD${renderMinor}; its GPUs: ${known}${hidden}`);
}

/** 'gfx90a' for 90010: major * 10,000 + minor * 100 + stepping, of which the name has the stepping in hexadecimal. */
export function gfxName(version: number): string {
  return `gfx${Math.floor(version / 10_000)}${(Math.floor(version / 100) % 100).toString(16)}${(version % 100).toString(16)}`;
}

/** 0 for a CPU; undefined for a node that is hidden. */
function readGpuId(files: TopologyFiles, path: string): number | undefined {
  const text = readText(files, path);
  if (text === undefined) return undefined;
  const id = text.trim();
  if (!/^\d{1,10}$/.test(id) || Number(id) > 0xffff_ffff)
    throw topologyError(path, `expected a GPU id, got ${quoted(id)}`);
  return Number(id);
}

interface Properties {
  readonly path: string;
  readonly values: ReadonlyMap<string, bigint>;
}

function readGpu(node: number, gpuId: number, { path, values }: Properties): KfdGpu {
  const value = (name: string, most = 0xffff_ffffn): bigint => {
    const found = values.get(name);
    if (found === undefined) throw topologyError(path, `has no ${name}`);
    if (found > most) throw topologyError(path, `${name}: expected at most ${most}, got ${found}`);
    return found;
  };
  const number = (name: string, most?: bigint): number => Number(value(name, most));
  const location = number('location_id', 0xffffn);
  const hex = (field: number, digits: number): string => field.toString(16).padStart(digits, '0');
  const engines = number('num_sdma_engines', 1024n);
  return {
    node,
    gpuId,
    gfx: gfxName(number('gfx_target_version', 999_999n)),
    renderMinor: number('drm_render_minor', 0xf_ffffn),
    vendorId: number('vendor_id', 0xffffn),
    deviceId: number('device_id', 0xffffn),
    pciAddress: `${hex(number('domain'), 4)}:${hex(location >> 8, 2)}:${hex((location >> 3) & 31, 2)}.${location & 7}`,
    sdmaEngines: engines,
    sdmaQueuesPerEngine: number('num_sdma_queues_per_engine', 1024n),
    // Kernels before MI300 do not tell.
    xccs: values.has('num_xcc') ? number('num_xcc', 64n) : 1,
    hasKfdSvm: ((value('capability', 0xffff_ffff_ffff_ffffn) >> KFD_SVM_CAPABILITY) & 1n) === 1n,
  };
}

/** Lines `name value`; the values are decimal and have up to 64 bits. */
function readProperties(files: TopologyFiles, path: string): Properties {
  const text = readText(files, path);
  if (text === undefined) throw topologyError(path, 'may not be read, though the node is not hidden');
  const properties = new Map<string, bigint>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const match = /^(\w{1,64}) (\d{1,20})$/.exec(line);
    if (match === null) throw topologyError(path, `line ${index + 1}: expected "name value", got ${quoted(line)}`);
    properties.set(match[1]!, BigInt(match[2]!));
  }
  return { path, values: properties };
}

/** The text of a file of the topology; undefined where the device cgroup forbids it. */
function readText(files: TopologyFiles, path: string): string | undefined {
  try {
    return files.read(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EPERM') return undefined;
    throw topologyError(path, `cannot be read: ${message}`, error);
  }
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

function topologyError(path: string, problem: string, cause?: unknown): Error {
  return codedError('ERR_SVM_KFD_TOPOLOGY', `KFD topology: ${path}: ${problem}`, { cause });
}
