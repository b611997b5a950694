// Models: the devices - a device is data (spec/06-lifecycle §3 for XNACK, spec/03-gpu-ranges §B.2 for PTEs).
import { parseGcVersion } from './gc-version.ts';
import type { GcVersion } from './gc-version.ts';

/** What the emulation knows of a GPU. */
export interface GpuModel {
  /** Name used in options. */
  readonly asic: string;
  /** Product of that kind, for people. */
  readonly product: string;
  readonly gc: GcVersion;
  /** An APU shares system memory with the CPU. */
  readonly apu: boolean;
  /** Default of the no-retry setting (module parameter noretry = -1). */
  readonly noretry: boolean;
  /** Bits of the GPU's virtual addresses that the VM manager covers. */
  readonly vaBits: number;
  /** Whether the retry CAM filters repeated faults in hardware. */
  readonly retryCam: boolean;
  /** Whether interrupt ring 1 exists. */
  readonly ih1: boolean;
}

const VA_BITS_GFX9 = 48;

function model(asic: string, product: string, gc: string, rest: Partial<GpuModel> = {}): GpuModel {
  return {
    asic,
    product,
    gc: parseGcVersion(gc),
    apu: false,
    noretry: false,
    vaBits: VA_BITS_GFX9,
    retryCam: true,
    ih1: true,
    ...rest,
  };
}

/** The catalogue. `-xnack` names the same chip with the module parameter noretry=0. */
export const GPU_CATALOGUE = {
  gfx900: model('gfx900', 'Radeon RX Vega 64', '9.0.1', { noretry: true, retryCam: false }),
  gfx906: model('gfx906', 'Instinct MI60', '9.4.0', { noretry: true, retryCam: false }),
  'gfx906-xnack': model('gfx906-xnack', 'Instinct MI60, noretry=0', '9.4.0', { retryCam: false }),
  gfx908: model('gfx908', 'Instinct MI100', '9.4.1', { noretry: true, retryCam: false }),
  'gfx908-xnack': model('gfx908-xnack', 'Instinct MI100, noretry=0', '9.4.1', { retryCam: false }),
  gfx90a: model('gfx90a', 'Instinct MI250X', '9.4.2'),
  gfx942: model('gfx942', 'Instinct MI300X', '9.4.3'),
  'gfx942-apu': model('gfx942-apu', 'Instinct MI300A', '9.4.3', { apu: true }),
  gfx950: model('gfx950', 'Instinct MI350X', '9.5.0'),
  gfx1030: model('gfx1030', 'Radeon RX 6800', '10.3.0'),
  gfx1100: model('gfx1100', 'Radeon RX 7900 XTX', '11.0.0'),
  gfx1201: model('gfx1201', 'Radeon RX 9070 XT', '12.0.1'),
} as const satisfies Readonly<Record<string, GpuModel>>;

export type AsicName = keyof typeof GPU_CATALOGUE;

/** The model of that name; throws a RangeError that lists the catalogue. */
export function gpuModel(asic: string): GpuModel {
  if (Object.hasOwn(GPU_CATALOGUE, asic)) return GPU_CATALOGUE[asic as AsicName];
  throw Object.assign(
    new RangeError(`asic: unknown GPU ${JSON.stringify(asic)}; known: ${Object.keys(GPU_CATALOGUE).join(', ')}`),
    { code: 'ERR_SVM_UNKNOWN_ASIC' },
  );
}
