// Models: the options of a machine that only some revisions have - XNACK off, repairs, policies, memory that moves to VRAM.
import { UAPI_PROFILES } from '../lib/uapi/profile.ts';
import type { UapiProfileName } from '../lib/uapi/profile.ts';
import { argumentError, booleanArgument, objectArgument, perGpuArgument, rangeArgument } from './kernel/arguments.ts';
import { kernelRevision } from './revisions/index.ts';
import { LONGEST_RESIDENCY, PATCH_V8_POLICIES } from './svm/policies.ts';
import type { MigrationPolicies } from './svm/policies.ts';
import { REPAIR_IDS, repairsFor } from './svm/repairs.ts';
import type { RepairId } from './svm/repairs.ts';

const LARGEST_ERRNO = 4095;

/** Options of a machine that only some revisions of the driver have; RangeError for them on any other. */
export interface RevisionOptions {
  /** True: XNACK is switched off on GPUs that could have it; only where the profile works so. Default false. */
  readonly xnackOff?: boolean;
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
}

/** The same with every default filled in. */
export interface ResolvedRevisionOptions {
  readonly xnackOff: boolean;
  /** By GPU. */
  readonly coherentVram: readonly boolean[];
  readonly thpMigration: boolean;
  readonly preferGtt: boolean;
  readonly appApu: boolean;
  /** By GPU. */
  readonly vramRegistration: readonly number[];
  /** Ids of the repairs, in the order of the table. */
  readonly repairs: readonly RepairId[];
  readonly policies: MigrationPolicies;
}

/** Checks them for `profile` and a machine of `gpus` GPUs; TypeError or RangeError (`ERR_SVM_INVALID_ARGUMENT`) that names the bad one. */
export function resolveRevisionOptions(
  profile: UapiProfileName,
  options: RevisionOptions,
  gpus: number,
): ResolvedRevisionOptions {
  return {
    xnackOff: xnackOffArgument(profile, options.xnackOff ?? false),
    ...migrationArguments(profile, options, gpus),
    repairs: repairsArgument(profile, options.repairs),
    policies: policiesArgument(profile, options.policies),
  };
}

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
export function repairsArgument(profile: UapiProfileName, value: RevisionOptions['repairs']): readonly RepairId[] {
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
export function policiesArgument(profile: UapiProfileName, value: RevisionOptions['policies']): MigrationPolicies {
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

/** What is about memory that moves to VRAM; RangeError that names an option and the profile which moves none. */
function migrationArguments(
  profile: UapiProfileName,
  options: RevisionOptions,
  gpus: number,
): Pick<ResolvedRevisionOptions, (typeof MIGRATION_OPTIONS)[number]> {
  const {
    coherentVram = false,
    thpMigration = false,
    preferGtt = false,
    appApu = false,
    vramRegistration = 0,
  } = options;
  const result = {
    coherentVram: perGpuArgument('coherentVram', coherentVram, gpus, booleanArgument),
    thpMigration: booleanArgument('thpMigration', thpMigration),
    preferGtt: booleanArgument('preferGtt', preferGtt),
    appApu: booleanArgument('appApu', appApu),
    vramRegistration: perGpuArgument(
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
