/** The table of the known revisions of the SVM user ABI. A further revision is a further entry here, not further code. */
import { MAX_ATTRIBUTES_PER_CALL, SvmAttributeType, SvmLocation, SvmOperation } from './constants.ts';
import { makeProfile } from './uapi-profile.ts';
import type { UapiProfile } from './uapi-profile.ts';

export type { UapiProfile } from './uapi-profile.ts';
export { isSvmRequest } from './uapi-profile.ts';

/** The posted revisions of the driver that this project knows by name, in their order: each lies on the one before. */
export const REVISION_NAMES = ['v4', 'v7', 'v7-xnack-off', 'v8'] as const;
export type RevisionName = (typeof REVISION_NAMES)[number];

/** Place of a revision in the order. */
export function revisionPlace(name: RevisionName): number {
  return REVISION_NAMES.indexOf(name);
}

const { setAttributes, getAttributes } = SvmOperation;
const { gpuAlwaysMapped: _, ...TYPES_FROM_V5 } = SvmAttributeType;

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
  }),
} as const satisfies Readonly<Partial<Record<RevisionName, UapiProfile>>>;

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
