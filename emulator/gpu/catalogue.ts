// Models: the devices - a device is data (spec/06-lifecycle §3 for XNACK, spec/03-gpu-ranges §B.2 for PTEs).
import { booleanArgument, objectArgument, rangeArgument, textArgument } from '../kernel/arguments.ts';
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
/** Bits of GPU virtual addresses that page numbers of the emulation hold. */
export const LEAST_VA_BITS = 36;
export const MOST_VA_BITS = 56;
/** Each part of a GC version is a byte. */
const LARGEST_PART = 255;
/** So many edits make a misspelt name; so many names are worth saying. */
const NEAR = 2;
const MOST_NEAR = 4;

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
  gfx90c: model('gfx90c', 'Ryzen 7 5700G', '9.3.0', { apu: true, retryCam: false }),
  gfx942: model('gfx942', 'Instinct MI300X', '9.4.3'),
  'gfx942-apu': model('gfx942-apu', 'Instinct MI300A', '9.4.3', { apu: true }),
  gfx950: model('gfx950', 'Instinct MI350X', '9.5.0'),
  gfx1030: model('gfx1030', 'Radeon RX 6800', '10.3.0'),
  gfx1100: model('gfx1100', 'Radeon RX 7900 XTX', '11.0.0'),
  gfx1101: model('gfx1101', 'Radeon RX 7800 XT', '11.0.3'),
  gfx1150: model('gfx1150', 'Ryzen AI 9 HX 370', '11.5.0', { apu: true }),
  gfx1151: model('gfx1151', 'Ryzen AI Max+ 395', '11.5.1', { apu: true }),
  gfx1200: model('gfx1200', 'Radeon RX 9060 XT', '12.0.0'),
  gfx1201: model('gfx1201', 'Radeon RX 9070 XT', '12.0.1'),
} as const satisfies Readonly<Record<string, GpuModel>>;

/** Name of a GPU of the catalogue. */
export type AsicName = keyof typeof GPU_CATALOGUE;

/** The model of that name; throws a RangeError (`ERR_SVM_UNKNOWN_ASIC`) that says which names are near, and lists all. */
export function gpuModel(asic: string): GpuModel {
  if (Object.hasOwn(GPU_CATALOGUE, asic)) return GPU_CATALOGUE[asic as AsicName];
  const names = Object.keys(GPU_CATALOGUE);
  const near = names
    .map((name) => ({ name, distance: editDistance(asic, name) }))
    .filter(({ distance }) => distance <= NEAR)
    .sort((one, other) => one.distance - other.distance)
    .slice(0, MOST_NEAR)
    .map(({ name }) => name);
  const hint = near.length === 0 ? '' : `, near ${near.join(', ')}`;
  throw Object.assign(new RangeError(`asic: unknown GPU ${JSON.stringify(asic)}${hint}; known: ${names.join(', ')}`), {
    code: 'ERR_SVM_UNKNOWN_ASIC',
  });
}

/** A model of the caller's own, every field checked; TypeError or RangeError (`ERR_SVM_INVALID_ARGUMENT`) names the bad one. */
export function checkedModel(model: unknown): GpuModel {
  const what = `a model, or a name of the catalogue (known: ${Object.keys(GPU_CATALOGUE).join(', ')})`;
  const { asic, product, gc, apu, noretry, vaBits, retryCam, ih1 } = objectArgument('asic', model, what) as GpuModel;
  const { major, minor, revision } = objectArgument('asic.gc', gc, '{ major, minor, revision }') as GcVersion;
  return {
    asic: textArgument('asic.asic', asic),
    product: textArgument('asic.product', product),
    gc: {
      major: rangeArgument('asic.gc.major', major, 0, LARGEST_PART),
      minor: rangeArgument('asic.gc.minor', minor, 0, LARGEST_PART),
      revision: rangeArgument('asic.gc.revision', revision, 0, LARGEST_PART),
    },
    apu: booleanArgument('asic.apu', apu),
    noretry: booleanArgument('asic.noretry', noretry),
    vaBits: rangeArgument('asic.vaBits', vaBits, LEAST_VA_BITS, MOST_VA_BITS),
    retryCam: booleanArgument('asic.retryCam', retryCam),
    ih1: booleanArgument('asic.ih1', ih1),
  };
}

/** Characters to insert, delete or replace to make `to` of `from`. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let at = 1; at <= from.length; at++) {
    const next = [at];
    for (let index = 1; index <= to.length; index++) {
      const replaced = row[index - 1]! + Number(from[at - 1] !== to[index - 1]);
      next.push(Math.min(replaced, row[index]! + 1, next[index - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}
