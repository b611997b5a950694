/** What GPU is behind a render node: KFD's topology, sysfs, and the catalogue for what neither says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KFD_TOPOLOGY, readKfdTopology } from '../backend/kfd/topology.ts';
import type { KfdGpu } from '../backend/kfd/topology.ts';
import { formatGcVersion, GPU_CATALOGUE } from '../device/emulated.ts';

/** Where to look; the defaults are those of Linux. */
export interface GpuPlaces {
  readonly topology?: string;
  /** '/sys' */
  readonly sysfs?: string;
}

/** The GPU of a node. */
export interface GpuInfo extends Pick<KfdGpu, 'gfx' | 'pci' | 'deviceId' | 'xccs'> {
  /** As the board says it, or what the catalogue has of that family. */
  readonly product: string;
  /** '9.4.3', as the GPU says it or the catalogue has it of that family. */
  readonly gc: string;
  /** How the GPU is divided, in one sentence. */
  readonly partitions: string;
}

/** Finds the GPU of a node by its path, or says why it is not known. The topology is read once. */
export function gpuFinder({ topology = KFD_TOPOLOGY, sysfs = '/sys' }: GpuPlaces): (path: string) => GpuInfo | string {
  const { gpus, leftOut, reason } = readKfdTopology(topology);
  return (path) => {
    const gpu = gpus.find(({ renderMinor }) => path.endsWith(`/renderD${renderMinor}`));
    if (gpu !== undefined) return describeGpu(gpu, gpus, sysfs);
    if (reason !== '') return reason;
    const hidden = leftOut.map(({ node, reason: why }) => `; node ${node} was left out: ${why}`).join('');
    return `KFD does not know this node${hidden}`;
  };
}

function describeGpu(gpu: KfdGpu, gpus: readonly KfdGpu[], sysfs: string): GpuInfo {
  const { gfx, pci, deviceId, xccs } = gpu;
  const device = join(sysfs, 'bus', 'pci', 'devices', pci);
  const model = Object.entries(GPU_CATALOGUE).find(([asic]) => asic === gfx)?.[1];
  const board = text(join(device, 'product_name'));
  const gc = ['major', 'minor', 'revision'].map((part) =>
    text(join(device, 'ip_discovery', 'die', '0', 'GC', '0', part)),
  );
  return {
    gfx,
    pci,
    deviceId,
    xccs,
    product: board ?? (model === undefined ? 'product unknown' : `${model.product} or like it`),
    gc: gc.every((part) => part !== undefined)
      ? gc.join('.')
      : model === undefined
        ? 'unknown'
        : formatGcVersion(model.gc),
    partitions: partitionsOf(gpu, gpus, device),
  };
}

function partitionsOf(gpu: KfdGpu, gpus: readonly KfdGpu[], device: string): string {
  // The function is what may differ among the partitions of one GPU.
  const board = (pci: string): string => pci.slice(0, pci.lastIndexOf('.'));
  const siblings = gpus.filter(({ pci }) => board(pci) === board(gpu.pci));
  const [compute, memory] = [
    text(join(device, 'current_compute_partition')),
    text(join(device, 'current_memory_partition')),
  ];
  const modes = [compute, memory].filter((mode) => mode !== undefined).join('/');
  const said = modes === '' ? '' : `${modes}, `;
  if (siblings.length === 1) return `${said}this node is the whole GPU`;
  const minors = siblings.map(({ renderMinor }) => `renderD${renderMinor}`);
  const number = siblings.indexOf(gpu) + 1;
  return `${said}this node is part ${number} of ${siblings.length} of the GPU: ${minors.join(', ')}`;
}

/** Undefined where there is none, it is empty, or it cannot be read. */
function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
