/** The topology of a served KFD, as files: what Linux has in /sys/devices/virtual/kfd/kfd/topology (spec/kfd-queue §2). */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gpuModel } from '../../../emulator/index.ts';
import type { GcVersion } from '../../../emulator/index.ts';
import { gpuIdOf } from './interface.ts';

const VENDOR_AMD = 0x1002;
/** PCI devices of the products in the catalogue; by the first part of their names. */
const PCI_DEVICES: Readonly<Record<string, number>> = {
  gfx900: 0x687f,
  gfx906: 0x66a1,
  gfx908: 0x738c,
  gfx90c: 0x1638,
  gfx90a: 0x7408,
  gfx942: 0x74a1,
  gfx950: 0x75a0,
  gfx1030: 0x73bf,
  gfx1100: 0x744c,
  gfx1101: 0x747e,
  gfx1150: 0x150e,
  gfx1151: 0x1586,
  gfx1200: 0x7590,
  gfx1201: 0x7550,
};
/** The shader ISA of a GC version where it is not the version itself. */
const ISA_OF_GC: Readonly<Record<string, number>> = {
  '9.0.1': 90_000,
  '9.3.0': 90_012,
  '9.4.0': 90_006,
  '9.4.1': 90_008,
  '9.4.2': 90_010,
  '9.4.3': 90_402,
  '11.0.3': 110_001,
};

/** SVM of KFD (bit 27), doorbells of 64 bits (2 in bits 13:12). */
const CAPABILITY = (1 << 27) | (2 << 12);
const VRAM_BYTES = 1 << 30;
const SYSTEM_BYTES = 8 * 2 ** 30;

/** PCI device of a GPU of the catalogue. */
export function pciDeviceOf(asic: string): number {
  return PCI_DEVICES[asic.split('-')[0]!] ?? 0;
}

/** What the tree is about. */
export interface TopologyOptions {
  readonly asic: string;
  readonly gpus: number;
}

/** Writes the tree: node 0 is the CPU, node n the GPU n - 1. What was there goes. */
export function writeTopology(directory: string, { asic, gpus }: TopologyOptions): void {
  rmSync(join(directory, 'nodes'), { recursive: true, force: true });
  const write = (path: string, text: string): void => {
    const file = join(directory, path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
  };
  const properties = (path: string, values: Readonly<Record<string, number>>): void =>
    write(
      join(path, 'properties'),
      Object.entries(values)
        .map(([name, value]) => `${name} ${value}\n`)
        .join(''),
    );
  write('generation_id', '1\n');
  write('system_properties', 'platform_oem 0\nplatform_id 0\nplatform_rev 0\n');
  const model = gpuModel(asic);
  for (let node = 0; node <= gpus; node++) {
    const folder = join('nodes', String(node));
    const isGpu = node > 0;
    const links = isGpu ? [0] : Array.from({ length: gpus }, (_, index) => index + 1);
    write(join(folder, 'gpu_id'), `${isGpu ? gpuIdOf(node - 1) : 0}\n`);
    write(join(folder, 'name'), isGpu ? `${asic}\n` : '\n');
    properties(folder, isGpu ? gpuProperties(asic, model.gc, node - 1) : cpuProperties(links.length));
    properties(join(folder, 'mem_banks', '0'), memory(isGpu));
    if (isGpu) properties(join(folder, 'caches', '0'), CACHE);
    for (const [index, other] of links.entries())
      properties(join(folder, 'io_links', String(index)), link(node, other));
  }
}

function cpuProperties(links: number): Record<string, number> {
  return { ...NO_GPU, cpu_cores_count: 2, mem_banks_count: 1, io_links_count: links };
}

function gpuProperties(asic: string, gc: GcVersion, index: number): Record<string, number> {
  const { major, minor, revision } = gc;
  const isa = ISA_OF_GC[`${major}.${minor}.${revision}`] ?? major * 10_000 + minor * 100 + revision;
  return {
    ...NO_GPU,
    simd_count: 16,
    mem_banks_count: 1,
    caches_count: 1,
    io_links_count: 1,
    simd_id_base: 0x8000_1000,
    max_waves_per_simd: 8,
    lds_size_in_kb: 64,
    wave_front_size: 64,
    array_count: 1,
    simd_arrays_per_engine: 1,
    cu_per_simd_array: 4,
    simd_per_cu: 4,
    max_slots_scratch_cu: 32,
    gfx_target_version: isa,
    vendor_id: VENDOR_AMD,
    device_id: pciDeviceOf(asic),
    location_id: (3 + index) << 8,
    drm_render_minor: 128 + index,
    num_sdma_engines: 2,
    num_sdma_queues_per_engine: 8,
    num_cp_queues: 24,
    max_engine_clk_fcompute: 1700,
    max_engine_clk_ccompute: 3000,
    fw_version: 68,
    sdma_fw_version: 8,
    unique_id: 4711 + index,
    num_xcc: 1,
    capability: CAPABILITY,
  };
}

const NO_GPU: Readonly<Record<string, number>> = {
  cpu_cores_count: 0,
  simd_count: 0,
  mem_banks_count: 0,
  caches_count: 0,
  io_links_count: 0,
  p2p_links_count: 0,
  cpu_core_id_base: 0,
  simd_id_base: 0,
  max_waves_per_simd: 0,
  lds_size_in_kb: 0,
  gds_size_in_kb: 0,
  num_gws: 0,
  wave_front_size: 0,
  array_count: 0,
  simd_arrays_per_engine: 0,
  cu_per_simd_array: 0,
  simd_per_cu: 0,
  max_slots_scratch_cu: 0,
  gfx_target_version: 0,
  vendor_id: 0,
  device_id: 0,
  location_id: 0,
  domain: 0,
  drm_render_minor: 0,
  hive_id: 0,
  num_sdma_engines: 0,
  num_sdma_xgmi_engines: 0,
  num_sdma_queues_per_engine: 0,
  num_cp_queues: 0,
  max_engine_clk_ccompute: 3000,
};

/** Local memory, where it is a GPU's (1: public frame buffer), else that of the system. */
function memory(isGpu: boolean): Record<string, number> {
  return {
    heap_type: isGpu ? 1 : 0,
    size_in_bytes: isGpu ? VRAM_BYTES : SYSTEM_BYTES,
    flags: 0,
    width: 64,
    mem_clk_max: 1600,
  };
}

/** ROCr does not start where a GPU has no cache. */
const CACHE: Readonly<Record<string, number>> = {
  processor_id_low: 0x8000_1000,
  level: 2,
  size: 8192,
  cache_line_size: 128,
  cache_lines_per_tag: 1,
  association: 16,
  latency: 0,
  type: 9,
};

/** PCIe, enabled, and without the flags that say that atomic operations do not pass. */
function link(from: number, to: number): Record<string, number> {
  return {
    type: 2,
    version_major: 0,
    version_minor: 0,
    node_from: from,
    node_to: to,
    weight: 20,
    min_latency: 0,
    max_latency: 0,
    min_bandwidth: 0,
    max_bandwidth: 0,
    recommended_transfer_size: 0,
    flags: 1,
  };
}
