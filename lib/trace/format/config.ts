/** The configuration of a trace as options of an emulated machine (spec/trace-format §2). */
import {
  formatGcVersion,
  MOST_GPUS,
  NotModelledError,
  parseGcVersion,
  xnackOffRefusal,
} from '../../../emulator/index.ts';
import type { GpuModel, MachineOptions, ResolvedOptions } from '../../../emulator/index.ts';
import { DEFAULT_PROFILE, UAPI_PROFILES } from '../../uapi/profile.ts';
import type { UapiProfileName } from '../../uapi/profile.ts';
import type { Fields } from './fields.ts';
import { TraceFormatError } from './fields.ts';

/** A trace's configuration with the defaults of the format filled in. */
export interface TraceConfig {
  /** Revision of the driver. */
  readonly profile: UapiProfileName;
  readonly gc: string;
  readonly apu: boolean;
  readonly numaNodes: number;
  readonly mtypeLocal: number;
  readonly granularity: number;
  readonly noretry: boolean;
  readonly retryCam: boolean;
  readonly ih1: boolean;
  readonly vaBits: number;
  readonly thp: boolean;
  readonly vmaMerge: boolean;
  readonly sriovXnack: boolean;
  /** XNACK is switched off although the device could have it; only for profile v7-xnack-off. */
  readonly xnackOff: boolean;
  /** True: no SVM context at the start; the first ioctl makes it. */
  readonly lazy: boolean;
  /** Number of GPUs, all of the same model. */
  readonly gpus: number;
}

export const DEFAULT_CONFIG: TraceConfig = {
  profile: DEFAULT_PROFILE,
  gc: '9.4.3',
  apu: false,
  numaNodes: 1,
  mtypeLocal: 0,
  granularity: 9,
  noretry: false,
  retryCam: true,
  ih1: true,
  vaBits: 47,
  thp: false,
  vmaMerge: true,
  sriovXnack: true,
  xnackOff: false,
  lazy: false,
  gpus: 1,
};

/** Fields that are about VRAM, with the JSON values that ask for none (spec/trace-format-v8 §1). */
const VRAM_FIELDS: Readonly<Record<string, readonly string[]>> = {
  vram: ['0', 'null'],
  coherent: ['false'],
  hive: ['null'],
  thpMig: ['true', 'false'],
  preferGtt: ['false'],
  appApu: ['false'],
  rev: ['0'],
  atomics: ['false'],
};

/** Reads the configuration fields; `others` are further fields that the operation has. */
export function parseConfig(fields: Fields, others: readonly string[] = []): TraceConfig {
  fields.only(...Object.keys(DEFAULT_CONFIG), ...Object.keys(VRAM_FIELDS), ...others);
  for (const [name, none] of Object.entries(VRAM_FIELDS)) {
    if (others.includes(name) || !fields.has(name) || none.includes(JSON.stringify(fields.raw(name)))) continue;
    throw new NotModelledError(`${fields.operation}.${name}`, 'GPUs have no VRAM for SVM here');
  }
  const config: Record<string, unknown> = { ...DEFAULT_CONFIG };
  for (const [name, value] of Object.entries(DEFAULT_CONFIG)) {
    if (!fields.has(name)) continue;
    if (typeof value === 'boolean') config[name] = fields.boolean(name);
    else if (name === 'gpus') config[name] = fields.within(name, 1, MOST_GPUS);
    else if (typeof value === 'number') config[name] = fields.count(name, 0xffff_ffff);
    else config[name] = fields.text(name);
  }
  if (fields.has('profile')) config['profile'] = fields.word('profile', Object.keys(UAPI_PROFILES));
  const profile = config['profile'] as UapiProfileName;
  const refusal = config['xnackOff'] === true ? xnackOffRefusal(profile) : undefined;
  if (refusal !== undefined) throw new TraceFormatError(`${fields.operation}.xnackOff: ${refusal}`);
  try {
    parseGcVersion(config['gc'] as string);
  } catch (error) {
    throw new TraceFormatError(`${fields.operation}.${(error as Error).message}`);
  }
  return config as unknown as TraceConfig;
}

/** Pages in all page tables of a trace, 32 GiB: one line must not take all memory of who replays it. */
export const MOST_PAGES = 2 ** 23;

/** The machine that a configuration describes. */
export function machineOptions(config: TraceConfig): MachineOptions {
  const model: GpuModel = {
    asic: `gc-${config.gc}`,
    product: 'the device of a trace',
    gc: parseGcVersion(config.gc),
    apu: config.apu,
    noretry: config.noretry,
    vaBits: config.vaBits,
    retryCam: config.retryCam,
    ih1: config.ih1,
  };
  return {
    asic: model,
    profile: config.profile,
    defaultGranularity: config.granularity,
    numaNodes: config.numaNodes,
    mtypeLocal: config.mtypeLocal,
    thp: config.thp,
    vmaMerge: config.vmaMerge,
    sriovXnack: config.sriovXnack,
    xnackOff: config.xnackOff,
    pageLimit: MOST_PAGES,
    gpus: config.gpus,
  };
}

/** The configuration that describes a machine; only what differs from the format's defaults. */
export function configOfMachine(options: ResolvedOptions, lazy: boolean): Partial<TraceConfig> {
  const { model } = options;
  const config: TraceConfig = {
    profile: options.profile,
    gc: formatGcVersion(model.gc),
    apu: model.apu,
    numaNodes: options.numaNodes,
    mtypeLocal: options.mtypeLocal,
    granularity: options.defaultGranularity,
    noretry: model.noretry,
    retryCam: model.retryCam,
    ih1: model.ih1,
    vaBits: model.vaBits,
    thp: options.thp,
    vmaMerge: options.vmaMerge,
    sriovXnack: options.sriovXnack,
    xnackOff: options.xnackOff,
    lazy,
    gpus: options.gpus,
  };
  const defaults: Readonly<Record<string, unknown>> = { ...DEFAULT_CONFIG };
  return Object.fromEntries(Object.entries(config).filter(([name, value]) => defaults[name] !== value));
}
