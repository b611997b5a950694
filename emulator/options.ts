// Models: the configuration of a machine - asic, module parameters, process defaults (spec/trace-format §2).
import { LARGEST_VRAM_PAGES, MOST_GPUS } from './kernel/frame.ts';
import { PAGE_BYTES } from './kernel/page-number.ts';
import { DEFAULT_PROFILE, UAPI_PROFILES, uapiProfile } from '../lib/uapi/profile.ts';
import type { UapiProfileName } from '../lib/uapi/profile.ts';
import { costArgument } from './cost/cost-argument.ts';
import type { CostOption } from './cost/cost-argument.ts';
import type { CostTable } from './cost/cost-fields.ts';
import { boardOf } from './gpu/boards.ts';
import { checkedModel, gpuModel, LEAST_VA_BITS, MOST_VA_BITS } from './gpu/catalogue.ts';
import type { AsicName, GpuModel } from './gpu/catalogue.ts';
import { GPU_LINKS } from './gpu/fabric.ts';
import type { GpuLinks } from './gpu/fabric.ts';
import { parseGcVersion } from './gpu/gc-version.ts';
import {
  argumentError,
  booleanArgument,
  countArgument,
  objectArgument,
  rangeArgument,
  textArgument,
  wordArgument,
} from './kernel/arguments.ts';
import { kernelRevision } from './revisions/index.ts';
import { LONGEST_RESIDENCY, PATCH_V8_POLICIES } from './svm/policies.ts';
import type { MigrationPolicies } from './svm/policies.ts';
import { REPAIR_IDS, repairsFor } from './svm/repairs.ts';
import type { RepairId } from './svm/repairs.ts';

/** Options of `new EmulatedMachine(...)`. */
export interface MachineOptions {
  /** Name in the device catalogue, or a model of your own. Default 'gfx942'. */
  readonly asic?: AsicName | GpuModel;
  /**
   * Number of GPUs, 1 to 8, all of the kind `asic`; or a list with the kind of each, which takes the place of `asic`.
   * Default 1.
   */
  readonly gpus?: number | readonly (AsicName | GpuModel)[];
  /** Revision of the driver that is modelled. Default 'v4'. */
  readonly profile?: UapiProfileName;
  /** Module parameter svm_default_granularity, log2 of pages; taken modulo 256, then limited to 27 (Q06). Default 9. */
  readonly defaultGranularity?: number;
  /** Overrides the GC IP version of the model, like '9.4.3'. */
  readonly gc?: string;
  /** Overrides of the model. */
  readonly apu?: boolean;
  /** Module parameter amdgpu.noretry=1: no retry faults; on all GPUs from PATCH v8 on. Default there: false. */
  readonly noretry?: boolean;
  readonly retryCam?: boolean;
  readonly ih1?: boolean;
  /** Bits of GPU virtual addresses, 36 to 56. */
  readonly vaBits?: number;
  /** num_possible_nodes(). Default 1. */
  readonly numaNodes?: number;
  /** Module parameter mtype_local: 0 RW, 1 NC, 2 CC. Default 0. */
  readonly mtypeLocal?: number;
  /** False: an SR-IOV virtual function without XNACK. Default true. */
  readonly sriovXnack?: boolean;
  /** True: XNACK is switched off on GPUs that could have it; only where the profile works so. Default false. */
  readonly xnackOff?: boolean;
  /** False: a kernel without DRM_AMDGPU_SVM. Default true. */
  readonly svmConfigured?: boolean;
  /** True: anonymous memory gets huge pages. Default false. */
  readonly thp?: boolean;
  /**
   * Bytes of VRAM of each GPU, or of all, whole pages of 4096. Where the profile moves memory there, SVM uses it; elsewhere
   * only other clients of the GPU do (`takeVram`, device memory of the runtimes). 'board': what the board of the catalogue
   * has. Default 0: none.
   */
  readonly vram?: number | readonly number[] | 'board';
  /**
   * How the GPUs reach one another: 'hive': all are in one XGMI hive, so that their drivers know each other's pages;
   * 'pcie': over the bus, which the runtimes call peer access and SVM does not use; 'none': not at all. A list has the
   * hive's name for each GPU, null for none. GPUs whose board has no XGMI links are in no hive. Default 'none'.
   */
  readonly links?: GpuLinks | readonly (string | null)[];
  /** True: VRAM is coherent memory that the CPU reads and writes itself; of each GPU, or of all. RangeError, as for the four after it, where the profile moves no memory. Default false. */
  readonly coherentVram?: boolean | readonly boolean[];
  /** Whether the kernel moves huge pages of 2 MiB as one. Default false. */
  readonly thpMigration?: boolean;
  /** amdgpu.apu_prefer_gtt: VRAM is not registered for SVM. Default false. */
  readonly preferGtt?: boolean;
  /** The GPU is part of an APU that shares all memory: VRAM is registered, and SVM does not use it. Default false. */
  readonly appApu?: boolean;
  /**
   * Negative errnos with which the registration of the VRAM for SVM fails, of each GPU or of all; 0: it does not.
   * Default 0.
   */
  readonly vramRegistration?: number | readonly number[];
  /**
   * Defects of the profile that are repaired: the ids of docs/repairs.md, or 'all' that there are for it. RangeError for
   * any other. Default: none, the driver is what was posted.
   */
  readonly repairs?: 'all' | readonly string[];
  /** Choices of the code that moves memory (docs/repairs.md); RangeError where the profile moves none. Default: PATCH v8's. */
  readonly policies?: Partial<MigrationPolicies>;
  /**
   * The time that things take (docs/cost.md): a table by its board, 'mi300x', 'mi210', 'mi250x' or 'mi300a', or numbers in
   * place of those of `base`. The clock moves by them. Default: nothing takes time.
   */
  readonly cost?: CostOption;
  /** False: touching VMAs are kept apart. Default true. */
  readonly vmaMerge?: boolean;
  /**
   * The most pages that the process and the GPUs together may have in their page tables, counted in
   * blocks of 512; beyond it the process has no memory left (ENOMEM). For whoever runs a program or a
   * trace of somebody else. Default: no limit.
   */
  readonly pageLimit?: number;
}

/** The options with every default filled in and the model put together. */
export interface ResolvedOptions {
  /** By GPU. */
  readonly models: readonly GpuModel[];
  readonly gpus: number;
  readonly profile: UapiProfileName;
  readonly defaultGranularity: number;
  readonly numaNodes: number;
  readonly mtypeLocal: number;
  readonly sriovXnack: boolean;
  readonly xnackOff: boolean;
  readonly svmConfigured: boolean;
  readonly thp: boolean;
  /** Bytes, by GPU. */
  readonly vram: readonly number[];
  /** Name of the hive, by GPU. */
  readonly hives: readonly (string | null)[];
  /** Whether GPUs of no common hive reach each other by PCI Express. */
  readonly pciePeers: boolean;
  readonly coherentVram: readonly boolean[];
  readonly thpMigration: boolean;
  readonly preferGtt: boolean;
  readonly appApu: boolean;
  readonly vramRegistration: readonly number[];
  /** Ids of the repairs, in the order of the table. */
  readonly repairs: readonly RepairId[];
  readonly policies: MigrationPolicies;
  /** Null: nothing takes time. */
  readonly cost: CostTable | null;
  readonly vmaMerge: boolean;
  readonly pageLimit: number;
}

const LARGEST_ERRNO = 4095;
const MOST_VRAM_BYTES = LARGEST_VRAM_PAGES * PAGE_BYTES;

const KNOWN = new Set<string>([
  'asic',
  'gpus',
  'profile',
  'defaultGranularity',
  'gc',
  'apu',
  'noretry',
  'retryCam',
  'ih1',
  'vaBits',
  'numaNodes',
  'mtypeLocal',
  'sriovXnack',
  'xnackOff',
  'svmConfigured',
  'thp',
  'vram',
  'links',
  'coherentVram',
  'thpMigration',
  'preferGtt',
  'appApu',
  'vramRegistration',
  'repairs',
  'policies',
  'cost',
  'vmaMerge',
  'pageLimit',
]);

/** Why XNACK cannot be switched off with this profile; undefined where it can. */
export function xnackOffRefusal(profile: UapiProfileName): string | undefined {
  if (kernelRevision(profile).stopsQueues) return undefined;
  const able = Object.keys(UAPI_PROFILES).filter((name) => kernelRevision(name as UapiProfileName).stopsQueues);
  return `the revision ${profile} has no mode for XNACK off; profile ${able.join(', ')} has`;
}

function xnackOffArgument(profile: UapiProfileName, value: unknown): boolean {
  const xnackOff = booleanArgument('xnackOff', value);
  const refusal = xnackOff ? xnackOffRefusal(profile) : undefined;
  if (refusal !== undefined) throw argumentError(RangeError, `options.xnackOff: ${refusal}`);
  return xnackOff;
}

/** Checks the option `repairs`; RangeError (`ERR_SVM_INVALID_ARGUMENT`) that names what is not known. */
export function repairsArgument(profile: UapiProfileName, value: MachineOptions['repairs']): readonly RepairId[] {
  if (value === undefined) return [];
  const known = repairsFor(profile);
  if (value === 'all') return known;
  if (!Array.isArray(value))
    throw argumentError(TypeError, `repairs: expected 'all' or a list of ids, got ${String(value)}`);
  const asked = value as readonly unknown[];
  for (const id of asked) {
    if (known.includes(id as RepairId)) continue;
    const what = REPAIR_IDS.includes(id as RepairId) ? `is none of ${profile}` : 'is unknown';
    throw argumentError(RangeError, `repairs: ${JSON.stringify(id)} ${what}; known: ${known.join(', ')}`);
  }
  return known.filter((id) => asked.includes(id));
}

/** What a text, of a command line or the environment, means as the option `repairs`: 'all', or ids with commas between them. */
export function repairsOfText(text: string): 'all' | string[] {
  return text === 'all' ? 'all' : text.split(',').map((id) => id.trim());
}

/** As `repairsArgument`, the option `policies` with its defaults. */
export function policiesArgument(profile: UapiProfileName, value: MachineOptions['policies']): MigrationPolicies {
  if (value === undefined) return PATCH_V8_POLICIES;
  objectArgument('policies', value, 'an object');
  if (!kernelRevision(profile).migratesToVram)
    throw argumentError(RangeError, `policies: the revision ${profile} moves no memory to VRAM`);
  const known = Object.keys(PATCH_V8_POLICIES);
  for (const name of Object.keys(value))
    if (!known.includes(name))
      throw argumentError(RangeError, `policies.${name}: unknown policy; known: ${known.join(', ')}`);
  const all = { ...PATCH_V8_POLICIES, ...value };
  return {
    minimumResidency: rangeArgument('policies.minimumResidency', all.minimumResidency, 0, LONGEST_RESIDENCY),
    oneShotPrefetch: booleanArgument('policies.oneShotPrefetch', all.oneShotPrefetch),
    honourInPlace: booleanArgument('policies.honourInPlace', all.honourInPlace),
    systemPrefetchMoves: booleanArgument('policies.systemPrefetchMoves', all.systemPrefetchMoves),
  };
}

const MIGRATION_OPTIONS = ['coherentVram', 'thpMigration', 'preferGtt', 'appApu', 'vramRegistration'] as const;

const resolved = new WeakMap<MachineOptions, ResolvedOptions>();

/** The same options, checked: machines that are made of what this returns do not check it again. Throws as `resolveOptions`. */
export function checkedOptions(options: MachineOptions): MachineOptions {
  const resolution = resolveOptions(options);
  // A copy that only who holds this one can name, so that nobody changes it afterwards.
  const checked: MachineOptions = Object.freeze({ ...options });
  resolved.set(checked, resolution);
  return checked;
}

/** Checks the options; throws TypeError or RangeError (`ERR_SVM_INVALID_ARGUMENT`, `ERR_SVM_UNKNOWN_ASIC`) that names the bad one. */
export function resolveOptions(options: MachineOptions): ResolvedOptions {
  const known = typeof options === 'object' ? resolved.get(options) : undefined;
  if (known !== undefined) return known;
  objectArgument('options', options, 'an object');
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name)) {
      throw argumentError(TypeError, `options.${name}: unknown option; known: ${[...KNOWN].join(', ')}`);
    }
  }
  const kinds = kindsArgument(options);
  const gpus = kinds.length;
  const profile = uapiProfile(options.profile ?? DEFAULT_PROFILE).name as UapiProfileName;
  const models = kinds.map((kind) => modelArgument(kind, options, profile));
  return {
    models,
    gpus,
    profile,
    defaultGranularity: countArgument('defaultGranularity', options.defaultGranularity ?? 9),
    numaNodes: countArgument('numaNodes', options.numaNodes ?? 1),
    mtypeLocal: countArgument('mtypeLocal', options.mtypeLocal ?? 0),
    sriovXnack: booleanArgument('sriovXnack', options.sriovXnack ?? true),
    xnackOff: xnackOffArgument(profile, options.xnackOff ?? false),
    svmConfigured: booleanArgument('svmConfigured', options.svmConfigured ?? true),
    thp: booleanArgument('thp', options.thp ?? false),
    vram: options.vram === 'board' ? models.map(boardVram) : perGpu('vram', options.vram ?? 0, gpus, vramArgument),
    hives: hivesArgument(options.links ?? 'none', models),
    pciePeers: options.links === 'pcie',
    ...migrationArguments(profile, options, gpus),
    repairs: repairsArgument(profile, options.repairs),
    policies: policiesArgument(profile, options.policies),
    cost: costArgument(options.cost),
    vmaMerge: booleanArgument('vmaMerge', options.vmaMerge ?? true),
    pageLimit:
      options.pageLimit === undefined ? Number.POSITIVE_INFINITY : countArgument('pageLimit', options.pageLimit),
  };
}

/** What is about memory that moves to VRAM; RangeError that names an option and the profile which moves none. */
function migrationArguments(
  profile: UapiProfileName,
  options: MachineOptions,
  gpus: number,
): Pick<ResolvedOptions, (typeof MIGRATION_OPTIONS)[number]> {
  const {
    coherentVram = false,
    thpMigration = false,
    preferGtt = false,
    appApu = false,
    vramRegistration = 0,
  } = options;
  const result = {
    coherentVram: perGpu('coherentVram', coherentVram, gpus, booleanArgument),
    thpMigration: booleanArgument('thpMigration', thpMigration),
    preferGtt: booleanArgument('preferGtt', preferGtt),
    appApu: booleanArgument('appApu', appApu),
    vramRegistration: perGpu(
      'vramRegistration',
      vramRegistration,
      gpus,
      (name, value) => -rangeArgument(`-${name}`, -value, 0, LARGEST_ERRNO),
    ),
  };
  if (kernelRevision(profile).migratesToVram) return result;
  const given = MIGRATION_OPTIONS.find((name) => [result[name]].flat().some((value) => value !== false && value !== 0));
  if (given !== undefined)
    throw argumentError(RangeError, `${given}: the revision ${profile} moves no memory to VRAM; profile v8 does`);
  return result;
}

/** One value for each GPU, from a list of so many or from one for all. */
function perGpu<T>(name: string, value: T | readonly T[], gpus: number, check: (name: string, value: T) => T): T[] {
  if (!Array.isArray(value)) return Array.from({ length: gpus }, () => check(name, value as T));
  const list = value as readonly T[];
  if (list.length !== gpus)
    throw argumentError(RangeError, `${name}: expected ${gpus} values, one for each GPU, got ${list.length}`);
  return list.map((each, gpu) => check(`${name}[${gpu}]`, each));
}

/** The kind of each GPU; TypeError or RangeError that names `gpus` or `asic`. */
function kindsArgument({ asic, gpus = 1 }: MachineOptions): readonly (AsicName | GpuModel)[] {
  if (!Array.isArray(gpus)) {
    const count = rangeArgument('gpus', gpus as number, 1, MOST_GPUS);
    return Array.from({ length: count }, () => asic ?? 'gfx942');
  }
  const kinds = gpus as readonly (AsicName | GpuModel)[];
  rangeArgument('gpus.length', kinds.length, 1, MOST_GPUS);
  if (asic !== undefined)
    throw argumentError(TypeError, 'asic: the list gpus says of which kind each GPU is; leave asic out');
  return kinds;
}

/** The model of one GPU, with what the options override. */
function modelArgument(kind: AsicName | GpuModel, options: MachineOptions, profile: UapiProfileName): GpuModel {
  const base = typeof kind === 'string' ? gpuModel(kind) : checkedModel(kind);
  // A GPU of the catalogue is what its kernel boots with; a model of one's own says it itself.
  const noretry = typeof kind === 'string' && kernelRevision(profile).bootedWithRetryFaults ? false : base.noretry;
  return {
    ...base,
    gc: options.gc === undefined ? base.gc : parseGcVersion(options.gc),
    apu: booleanArgument('apu', options.apu ?? base.apu),
    noretry: booleanArgument('noretry', options.noretry ?? noretry),
    retryCam: booleanArgument('retryCam', options.retryCam ?? base.retryCam),
    ih1: booleanArgument('ih1', options.ih1 ?? base.ih1),
    vaBits: rangeArgument('vaBits', options.vaBits ?? base.vaBits, LEAST_VA_BITS, MOST_VA_BITS),
  };
}

/** VRAM of a board of the catalogue; RangeError for a model of one's own, which has none. */
function boardVram({ asic }: GpuModel): number {
  const board = boardOf(asic);
  if (board !== undefined) return board.vram;
  throw argumentError(
    RangeError,
    `vram: 'board' is the VRAM of a board of the catalogue; give the bytes of the model ${asic}`,
  );
}

function vramArgument(name: string, value: number): number {
  const bytes = rangeArgument(name, value, 0, MOST_VRAM_BYTES);
  if (bytes % PAGE_BYTES !== 0) throw argumentError(RangeError, `${name}: expected a multiple of 4096, got ${bytes}`);
  return bytes;
}

function hivesArgument(links: GpuLinks | readonly (string | null)[], models: readonly GpuModel[]): (string | null)[] {
  const hives =
    typeof links === 'string'
      ? models.map(() => (links === 'hive' ? 'hive' : null))
      : perGpu('links', links, models.length, (name, hive) => (hive === null ? null : textArgument(name, hive)));
  if (typeof links === 'string') wordArgument('links', links, GPU_LINKS);
  for (const [gpu, hive] of hives.entries()) {
    if (hive === null || boardOf(models[gpu]!.asic)?.fabricLinks !== 0) continue;
    throw argumentError(
      RangeError,
      `links: GPU ${gpu} (${models[gpu]!.asic}) has no XGMI links and is in no hive; give a list with null for it`,
    );
  }
  return hives;
}
