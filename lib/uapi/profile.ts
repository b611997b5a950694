/** The table of the known revisions of the SVM user ABI. A further revision is a further entry here, not further code. */
import { MAX_ATTRIBUTES_PER_CALL, SvmAttributeType, SvmLocation, SvmOperation } from './constants.ts';
import { makeProfile, REVISION_NAMES } from './uapi-profile.ts';
import type { DriverBehaviour, RevisionName, UapiProfile } from './uapi-profile.ts';

export type { DriverBehaviour, RevisionName, UapiProfile } from './uapi-profile.ts';
export { isSvmRequest, REVISION_NAMES } from './uapi-profile.ts';

/** Place of a revision in the order. */
export function revisionPlace(name: RevisionName): number {
  return REVISION_NAMES.indexOf(name);
}

const { setAttributes, getAttributes } = SvmOperation;
const { gpuAlwaysMapped: _, ...TYPES_FROM_V5 } = SvmAttributeType;

/** RFC V5 changed most of what a user sees, and nothing of it changed back up to PATCH v8. */
const BEHAVIOUR_FROM_V5 = {
  runsWithoutRetryFaults: false,
  noretryIsForAll: false,
  attributesSurviveUnmap: true,
  checksBufferObjects: true,
  changesInvalidate: true,
  faultsHideShortage: true,
  movesToVram: false,
  endWaitsForFaults: false,
  retriesReadOnly: true,
} as const satisfies Omit<DriverBehaviour, 'withRetryFaults'>;

/** Those that are modelled, by name and in order. */
export const UAPI_PROFILES = {
  v4: makeProfile({
    name: 'v4',
    source: 'RFC V4, 29 Apr 2026, "drm/amdgpu: SVM implementation based on drm_gpusvm"',
    command: 0x1a,
    operations: { setAttributes, getAttributes },
    attributeTypes: SvmAttributeType,
    locations: SvmLocation,
    getWalksVmas: false,
    maxAttributes: MAX_ATTRIBUTES_PER_CALL,
    behaviour: {
      withRetryFaults: 'v4',
      runsWithoutRetryFaults: false,
      noretryIsForAll: false,
      attributesSurviveUnmap: false,
      checksBufferObjects: false,
      changesInvalidate: false,
      faultsHideShortage: true,
      movesToVram: false,
      endWaitsForFaults: false,
      retriesReadOnly: false,
    },
  }),
  v7: makeProfile({
    name: 'v7',
    source: 'RFC V7, 29 May 2026, "drm/amdgpu: SVM implementation based on drm_gpusvm"',
    command: 0x1a,
    operations: SvmOperation,
    attributeTypes: TYPES_FROM_V5,
    locations: SvmLocation,
    getWalksVmas: true,
    maxAttributes: MAX_ATTRIBUTES_PER_CALL,
    behaviour: { ...BEHAVIOUR_FROM_V5, withRetryFaults: 'v7' },
  }),
  'v7-xnack-off': makeProfile({
    name: 'v7-xnack-off',
    source: 'RFC V2 of the XNACK-off series, 29 May 2026, on RFC V7',
    command: 0x1a,
    operations: SvmOperation,
    attributeTypes: TYPES_FROM_V5,
    locations: SvmLocation,
    getWalksVmas: true,
    maxAttributes: MAX_ATTRIBUTES_PER_CALL,
    behaviour: { ...BEHAVIOUR_FROM_V5, withRetryFaults: 'v7', runsWithoutRetryFaults: true },
  }),
  v8: makeProfile({
    name: 'v8',
    source: 'PATCH v8, 12 Jun 2026, "drm/amdgpu: SVM implementation based on drm_gpusvm"',
    command: 0x1b,
    operations: SvmOperation,
    attributeTypes: TYPES_FROM_V5,
    locations: SvmLocation,
    getWalksVmas: true,
    maxAttributes: MAX_ATTRIBUTES_PER_CALL,
    behaviour: {
      ...BEHAVIOUR_FROM_V5,
      withRetryFaults: 'v8',
      noretryIsForAll: true,
      faultsHideShortage: false,
      movesToVram: true,
      endWaitsForFaults: true,
    },
  }),
} as const satisfies Readonly<Partial<Record<RevisionName, UapiProfile>>>;

/** A revision of the driver that can be chosen. */
export type UapiProfileName = keyof typeof UAPI_PROFILES;

/** The profile of who names none. */
export const DEFAULT_PROFILE: UapiProfileName = 'v4';

/** Whether there is a profile of that name. */
export function isProfileName(name: string): name is UapiProfileName {
  return Object.hasOwn(UAPI_PROFILES, name);
}

/** The profile of that name; throws a `RangeError` (`ERR_SVM_UNKNOWN_PROFILE`) that lists the known ones. */
export function uapiProfile(name: string): UapiProfile {
  if (isProfileName(name)) return UAPI_PROFILES[name];
  const known = Object.keys(UAPI_PROFILES).join(', ');
  throw Object.assign(new RangeError(`profile: unknown UAPI profile ${JSON.stringify(name)}; known: ${known}`), {
    code: 'ERR_SVM_UNKNOWN_PROFILE',
  });
}
