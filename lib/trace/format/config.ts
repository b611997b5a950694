/** The configuration of a trace as options of an emulated machine (spec/trace-format §2). */
import {
  costArgument,
  formatGcVersion,
  MOST_GPUS,
  parseGcVersion,
  PATCH_V8_POLICIES,
  policiesArgument,
  repairsArgument,
  xnackOffRefusal,
} from '../../../emulator/index.ts';
import type {
  CostOption,
  GpuModel,
  MachineOptions,
  MigrationPolicies,
  ResolvedOptions,
} from '../../../emulator/index.ts';
import { DEFAULT_PROFILE, UAPI_PROFILES } from '../../uapi/profile.ts';
import type { UapiProfileName } from '../../uapi/profile.ts';
import { Fields, TraceFormatError } from './fields.ts';
import { parseFailures } from './failures.ts';

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
  /** Number of GPUs. */
  readonly gpus: number;
  /** What each GPU has else than the fields above say; empty: nothing, all are of one model. An extension of this package. */
  readonly models: readonly ModelFields[];
  /** Bytes of VRAM for SVM; of each GPU, or of all. */
  readonly vram: number | readonly number[];
  /** Whether that VRAM is coherent memory of the CPU; of each GPU, or of all. */
  readonly coherent: boolean | readonly boolean[];
  /** Name of the hive, null: none; of each GPU, or of all. */
  readonly hive: string | null | readonly (string | null)[];
  /** Whether huge pages move as one. */
  readonly thpMig: boolean;
  /** VRAM is not registered for SVM. */
  readonly preferGtt: boolean;
  /** VRAM is registered for SVM and not used. */
  readonly appApu: boolean;
  /** Defects of the driver that are repaired; a field of this implementation, like the next one. */
  readonly repairs: 'all' | readonly string[];
  /** Choices of the code that moves memory. */
  readonly policies: Partial<MigrationPolicies>;
  /** What things take; null: no time. A recording has all numbers, so that it means the same when those of a table change. */
  readonly cost: CostOption | null;
  /** Negative errnos with which the registration of VRAM fails, by GPU; empty: none does. */
  readonly fail: readonly number[];
}

/** The fields that describe the model of a GPU. */
type ModelFields = Partial<Pick<TraceConfig, (typeof MODEL_FIELDS)[number]>>;

const MODEL_FIELDS = ['gc', 'apu', 'noretry', 'retryCam', 'ih1', 'vaBits'] as const;

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
  models: [],
  vram: 0,
  coherent: false,
  hive: null,
  thpMig: true,
  preferGtt: false,
  appApu: false,
  repairs: [],
  policies: {},
  cost: null,
  fail: [],
};

/** Fields without a meaning here: only GPUs of 12.1.0 are looked at for them, which have no SVM (spec/trace-format-v8 §1, §9). */
const PLAIN_FIELDS: Readonly<Record<string, (fields: Fields, name: string) => unknown>> = {
  rev: (fields, name) => fields.count(name, 0xffff_ffff),
  atomics: (fields, name) => fields.boolean(name),
};

/** Reads the configuration fields; `others` are further fields that the operation has. */
export function parseConfig(fields: Fields, others: readonly string[] = []): TraceConfig {
  fields.only(...Object.keys(DEFAULT_CONFIG), ...Object.keys(PLAIN_FIELDS), 'devices', ...others);
  for (const [name, check] of Object.entries(PLAIN_FIELDS)) if (fields.has(name)) check(fields, name);
  const config: Record<string, unknown> = { ...DEFAULT_CONFIG };
  if (fields.has('devices')) config['gpus'] = fields.within('devices', 1, MOST_GPUS);
  for (const [name, value] of Object.entries(DEFAULT_CONFIG)) {
    if (!fields.has(name) || others.includes(name)) continue;
    if (name === 'fail') {
      config['fail'] = registrationFailures(fields, config['gpus'] as number);
      continue;
    }
    if (name === 'repairs' || name === 'policies' || name === 'cost') {
      config[name] = fields.raw(name);
      continue;
    }
    if (name === 'models') {
      config['models'] = readModels(fields, config['gpus'] as number);
      continue;
    }
    if (name in PER_GPU) {
      const read: (fields: Fields, name: string) => unknown = PER_GPU[name as keyof typeof PER_GPU];
      config[name] = fields.perGpu(name, read);
      continue;
    }
    if (typeof value === 'boolean') config[name] = fields.boolean(name);
    else if (name === 'gpus') config[name] = fields.within(name, 1, MOST_GPUS);
    else if (typeof value === 'number') config[name] = fields.count(name, 0xffff_ffff);
    else config[name] = fields.text(name);
  }
  if (fields.has('profile')) config['profile'] = fields.word('profile', Object.keys(UAPI_PROFILES));
  const profile = config['profile'] as UapiProfileName;
  const refusal = config['xnackOff'] === true ? xnackOffRefusal(profile) : undefined;
  if (refusal !== undefined) throw new TraceFormatError(`${fields.operation}.xnackOff: ${refusal}`);
  checkGcVersion(fields, config['gc'] as string);
  checkOptions(fields, profile, config['repairs'], config['policies']);
  return config as unknown as TraceConfig;
}

/** The fields that are options of the machine as they are. */
function checkOptions(fields: Fields, profile: UapiProfileName, repairs: unknown, policies: unknown): void {
  try {
    repairsArgument(profile, repairs as TraceConfig['repairs']);
    if (fields.has('policies')) policiesArgument(profile, policies as TraceConfig['policies']);
    if (fields.has('cost') && fields.raw('cost') !== null) costArgument(fields.raw('cost'));
  } catch (error) {
    throw new TraceFormatError(`${fields.operation}.${(error as Error).message}`);
  }
}

function checkGcVersion(fields: Fields, version: string): void {
  try {
    parseGcVersion(version);
  } catch (error) {
    throw new TraceFormatError(`${fields.operation}.${(error as Error).message}`);
  }
}

/** The list `models`: an object for each GPU. */
function readModels(fields: Fields, gpus: number): ModelFields[] {
  const list = fields.list('models');
  if (list.length !== gpus && list.length > 0)
    throw new TraceFormatError(
      `${fields.operation}.models: expected ${gpus} objects, one for each GPU, got ${list.length}`,
    );
  return list.map((each, gpu) => {
    const name = `${fields.operation}.models[${gpu}]`;
    if (typeof each !== 'object' || each === null || Array.isArray(each))
      throw new TraceFormatError(`${name}: expected an object, got ${JSON.stringify(each)}`);
    const model = new Fields(name, each as Readonly<Record<string, unknown>>);
    model.only(...MODEL_FIELDS);
    const read: Record<string, unknown> = {};
    for (const field of MODEL_FIELDS) {
      if (!model.has(field)) continue;
      const value = DEFAULT_CONFIG[field];
      if (typeof value === 'boolean') read[field] = model.boolean(field);
      else if (typeof value === 'number') read[field] = model.count(field, 0xffff_ffff);
      else checkGcVersion(model, (read[field] = model.text(field)) as string);
    }
    return read as ModelFields;
  });
}

/** The GC version of a GPU of the configuration. */
export function gcOf(config: TraceConfig, gpu: number): string {
  return config.models[gpu]?.gc ?? config.gc;
}

/** Fields with one value for all GPUs, or a list. */
const PER_GPU = {
  vram: (fields: Fields, name: string) => (fields.raw(name) === null ? 0 : fields.count(name)),
  coherent: (fields: Fields, name: string) => fields.boolean(name),
  hive: (fields: Fields, name: string) => (fields.raw(name) === null ? null : fields.text(name)),
} as const;

/** The list `fail` of a configuration, as the errno of each GPU. */
function registrationFailures(fields: Fields, gpus: number): number[] {
  const errnos = Array.from({ length: gpus }, () => 0);
  for (const { nth, errno } of parseFailures(fields, ['region', 'memremap'])) if (nth <= gpus) errnos[nth - 1] = -errno;
  return errnos;
}

/** Pages in all page tables of a trace, 32 GiB: one line must not take all memory of who replays it. */
export const MOST_PAGES = 2 ** 23;

function modelOf(config: TraceConfig): GpuModel {
  return {
    asic: `gc-${config.gc}`,
    product: 'the device of a trace',
    gc: parseGcVersion(config.gc),
    apu: config.apu,
    noretry: config.noretry,
    vaBits: config.vaBits,
    retryCam: config.retryCam,
    ih1: config.ih1,
  };
}

/** The machine that a configuration describes. */
export function machineOptions(config: TraceConfig): MachineOptions {
  const model = modelOf(config);
  const kinds =
    config.models.length === 0
      ? { asic: model, gpus: config.gpus }
      : { gpus: config.models.map((own) => modelOf({ ...config, ...own })) };
  return {
    ...kinds,
    profile: config.profile,
    defaultGranularity: config.granularity,
    numaNodes: config.numaNodes,
    mtypeLocal: config.mtypeLocal,
    thp: config.thp,
    vmaMerge: config.vmaMerge,
    sriovXnack: config.sriovXnack,
    xnackOff: config.xnackOff,
    pageLimit: MOST_PAGES,
    vram: config.vram,
    // A trace of a revision that moves memory may be run on one that does not (`diff --profiles`).
    ...(UAPI_PROFILES[config.profile].behaviour.movesToVram ? migrationOptions(config) : {}),
    links:
      typeof config.hive === 'object' && config.hive !== null
        ? config.hive
        : Array.from({ length: config.gpus }, () => config.hive as string | null),
    ...(config.repairs.length === 0 ? {} : { repairs: config.repairs }),
    ...(Object.keys(config.policies).length === 0 ? {} : { policies: config.policies }),
    ...(config.cost === null ? {} : { cost: config.cost }),
  };
}

function migrationOptions(config: TraceConfig): MachineOptions {
  return {
    coherentVram: config.coherent,
    thpMigration: config.thpMig,
    preferGtt: config.preferGtt,
    appApu: config.appApu,
    vramRegistration: config.fail.length === 0 ? 0 : config.fail,
  };
}

/** The configuration that describes a machine; only what differs from the format's defaults. */
export function configOfMachine(options: ResolvedOptions, lazy: boolean): Partial<TraceConfig> {
  const [first, ...others] = options.models.map(fieldsOf);
  const config: TraceConfig = {
    ...first!,
    profile: options.profile,
    numaNodes: options.numaNodes,
    mtypeLocal: options.mtypeLocal,
    granularity: options.defaultGranularity,
    thp: options.thp,
    vmaMerge: options.vmaMerge,
    sriovXnack: options.sriovXnack,
    xnackOff: options.xnackOff,
    lazy,
    gpus: options.gpus,
    models: modelDifferences(first!, others),
    vram: oneForAll(options.vram),
    coherent: oneForAll(options.coherentVram),
    hive: oneForAll(options.hives),
    thpMig: options.vram.some((bytes) => bytes > 0) ? options.thpMigration : DEFAULT_CONFIG.thpMig,
    preferGtt: options.preferGtt,
    appApu: options.appApu,
    repairs: options.repairs,
    policies: changedPolicies(options.policies),
    cost: options.cost,
    fail: [],
  };
  const defaults: Readonly<Record<string, unknown>> = { ...DEFAULT_CONFIG };
  return Object.fromEntries(
    Object.entries(config).filter(([name, value]) => {
      const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
      return !isEmpty && defaults[name] !== value;
    }),
  );
}

function fieldsOf(model: GpuModel): Required<ModelFields> {
  const { gc, apu, noretry, retryCam, ih1, vaBits } = model;
  return { gc: formatGcVersion(gc), apu, noretry, retryCam, ih1, vaBits };
}

/** What each GPU has else than the first; nothing if all have the same. */
function modelDifferences(first: Required<ModelFields>, others: readonly Required<ModelFields>[]): ModelFields[] {
  const list = [first, ...others].map((model) =>
    Object.fromEntries(MODEL_FIELDS.filter((name) => model[name] !== first[name]).map((name) => [name, model[name]])),
  );
  return list.every((differences) => Object.keys(differences).length === 0) ? [] : list;
}

/** The value that all GPUs have, or the list. */
function oneForAll<T>(values: readonly T[]): T | readonly T[] {
  return values.every((value) => value === values[0]) ? values[0]! : values;
}

/** The policies that are not those of PATCH v8. */
function changedPolicies(policies: MigrationPolicies): Partial<MigrationPolicies> {
  const defaults: Readonly<Record<string, unknown>> = { ...PATCH_V8_POLICIES };
  return Object.fromEntries(Object.entries(policies).filter(([name, value]) => defaults[name] !== value));
}
