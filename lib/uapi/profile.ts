/**
 * A profile is one revision of the SVM user ABI: the request number and what
 * its operations and attributes are. RFC V4 is the only one so far; later
 * revisions are further entries of this table, not further code.
 */
import { MAX_ATTRIBUTES_PER_CALL, SvmAttributeType, SvmOperation } from './constants.ts';
import { DRM_IOCTL_AMDGPU_GEM_SVM } from './request.ts';

/** One revision of the user ABI. */
export interface UapiProfile {
  /** Name used in options, environment and traces. */
  readonly name: string;
  /** Where the revision is published. */
  readonly source: string;
  /** Request number of the ioctl, unsigned 32 bits. */
  readonly request: number;
  readonly operations: Readonly<Record<string, number>>;
  readonly attributeTypes: Readonly<Record<string, number>>;
  /** Largest `nattr` the kernel accepts. */
  readonly maxAttributes: number;
}

export const UAPI_PROFILES = {
  v4: {
    name: 'v4',
    source: 'RFC V4, 29 Apr 2026, "drm/amdgpu: SVM implementation based on drm_gpusvm"',
    request: DRM_IOCTL_AMDGPU_GEM_SVM,
    operations: SvmOperation,
    attributeTypes: SvmAttributeType,
    maxAttributes: MAX_ATTRIBUTES_PER_CALL,
  },
} as const satisfies Readonly<Record<string, UapiProfile>>;

export type UapiProfileName = keyof typeof UAPI_PROFILES;

/** The profile of that name; throws a `RangeError` (`ERR_SVM_UNKNOWN_PROFILE`) that lists the known ones. */
export function uapiProfile(name: string): UapiProfile {
  if (Object.hasOwn(UAPI_PROFILES, name)) return UAPI_PROFILES[name as UapiProfileName];
  const known = Object.keys(UAPI_PROFILES).join(', ');
  throw Object.assign(new RangeError(`profile: unknown UAPI profile ${JSON.stringify(name)}; known: ${known}`), {
    code: 'ERR_SVM_UNKNOWN_PROFILE',
  });
}
