// Models: the configuration of a machine - asic, module parameters, process defaults (spec/trace-format §2).
import { LARGEST_VRAM_PAGES, MOST_GPUS } from './kernel/frame.ts';
import { PAGE_BYTES } from './kernel/page-number.ts';
import { DEFAULT_PROFILE, uapiProfile } from '../lib/uapi/profile.ts';
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
  perGpuArgument,
  rangeArgument,
  textArgument,
  wordArgument,
} from './kernel/arguments.ts';
import { resolveRevisionOptions } from './revision-options.ts';
import type { ResolvedRevisionOptions, RevisionOptions } from './revision-options.ts';
import { kernelRevision } from './revisions/index.ts';

/** Options of `new EmulatedMachine(...)`. */
export interface MachineOptions extends RevisionOptions {
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
export interface ResolvedOptions extends ResolvedRevisionOptions {
  /** By GPU. */
  readonly models: readonly GpuModel[];
  readonly gpus: number;
  readonly profile: UapiProfileName;
  readonly defaultGranularity: number;
  readonly numaNodes: number;
  readonly mtypeLocal: number;
  readonly sriovXnack: boolean;
  readonly svmConfigured: boolean;
  readonly thp: boolean;
  /** Bytes, by GPU. */
  readonly vram: readonly number[];
  /** Name of the hive, by GPU. */
  readonly hives: readonly (string | null)[];
  /** Whether GPUs of no common hive reach each other by PCI Express. */
  readonly pciePeers: boolean;
  /** Null: nothing takes time. */
  readonly cost: CostTable | null;
  readonly vmaMerge: boolean;
  readonly pageLimit: number;
}

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
    svmConfigured: booleanArgument('svmConfigured', options.svmConfigured ?? true),
    thp: booleanArgument('thp', options.thp ?? false),
    vram:
      options.vram === 'board' ? models.map(boardVram) : perGpuArgument('vram', options.vram ?? 0, gpus, vramArgument),
    hives: hivesArgument(options.links ?? 'none', models),
    pciePeers: options.links === 'pcie',
    ...resolveRevisionOptions(profile, options, gpus),
    cost: costArgument(options.cost),
    vmaMerge: booleanArgument('vmaMerge', options.vmaMerge ?? true),
    pageLimit:
      options.pageLimit === undefined ? Number.POSITIVE_INFINITY : countArgument('pageLimit', options.pageLimit),
  };
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
      : perGpuArgument('links', links, models.length, (name, hive) =>
          hive === null ? null : textArgument(name, hive),
        );
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
