/**
 * What one revision of the SVM user ABI consists of. Names have the same numbers in all of them
 * (constants.ts); a profile says which there are, and which number the ioctl has.
 */
import type { SvmAttributeName, SvmLocationName } from './constants.ts';
import { GEM_SVM_LAYOUT } from './layout.ts';
import { DRM_COMMAND_BASE, drmReadWriteRequest, splitRequest } from './request.ts';

/** The posted revisions of the driver that this project knows by name, in their order: each lies on the one before. */
export const REVISION_NAMES = ['v4', 'v7', 'v7-xnack-off', 'v8'] as const;
/** A posted revision of the driver, whether it is modelled or not. */
export type RevisionName = (typeof REVISION_NAMES)[number];

/** One revision of the user ABI. */
export interface UapiProfile {
  /** Name used in options, environment and traces. */
  readonly name: string;
  /** Where the revision is published. */
  readonly source: string;
  /** `DRM_AMDGPU_GEM_SVM`: number of the driver's command, without `DRM_COMMAND_BASE`. */
  readonly command: number;
  /** Request number of the ioctl, unsigned 32 bits. */
  readonly request: number;
  /** Operation selectors by name. */
  readonly operations: Readonly<Record<string, number>>;
  /** Attribute types by name, in ascending order. */
  readonly attributeTypes: Readonly<Partial<Record<SvmAttributeName, number>>>;
  /** The names in `attributeTypes`, in the order of their numbers. */
  readonly attributeNames: readonly SvmAttributeName[];
  /** Largest attribute type; there is one for each number up to it. */
  readonly lastAttributeType: number;
  /** Codes of locations. */
  readonly locations: Readonly<Record<SvmLocationName, number>>;
  /** Whether GET_ATTR looks at the mappings of the process, and refuses holes and device memory. */
  readonly getWalksVmas: boolean;
  /** Largest `nattr` that the kernel accepts. */
  readonly maxAttributes: number;
  /** What of the driver's behaviour tells the revision from the others: the conformance suite asks for it by name. */
  readonly behaviour: DriverBehaviour;
}

/** Where revisions of the driver behave differently, as far as a user sees it (spec/revisions §4, §7). */
export interface DriverBehaviour {
  /** The revision that it is while retry faults are on: its own name, but for one that adds a mode without them. */
  readonly withRetryFaults: RevisionName;
  /** Whether there are contexts on GPUs without retry faults. */
  readonly runsWithoutRetryFaults: boolean;
  /** Whether amdgpu.noretry=1 switches off retry faults, and SVM with them, on every GPU. */
  readonly noretryIsForAll: boolean;
  /** Whether attributes outlive their memory; otherwise the collector erases those of unmapped GPU ranges. */
  readonly attributesSurviveUnmap: boolean;
  /** Whether SET and GET refuse addresses where a buffer object is mapped. */
  readonly checksBufferObjects: boolean;
  /** Whether a change of access, flags or location takes the pages from the GPU, so that it faults again. */
  readonly changesInvalidate: boolean;
  /** Whether a fault for which memory is short is answered as done; otherwise the shortage is reported. */
  readonly faultsHideShortage: boolean;
  /** Whether pages move into the VRAM of the GPU, by prefetches and by faults; otherwise they stay in system memory. */
  readonly movesToVram: boolean;
  /** Whether the end of a context waits for the faults that are under way in it (spec/revisions §4, v8 item 6). */
  readonly endWaitsForFaults: boolean;
  /** Whether a prefetch takes read-only what may not be written, chunk by chunk. */
  readonly retriesReadOnly: boolean;
}

/** What tells one profile from another. */
type Differences = Omit<UapiProfile, 'request' | 'attributeNames' | 'lastAttributeType'>;

/** A profile from what tells it from others. */
export function makeProfile(differences: Differences): UapiProfile {
  const { name, source, command, operations, attributeTypes, locations, getWalksVmas, maxAttributes, behaviour } =
    differences;
  return {
    name,
    source,
    command,
    request: drmReadWriteRequest(DRM_COMMAND_BASE + command, GEM_SVM_LAYOUT.size),
    operations,
    attributeTypes,
    attributeNames: Object.keys(attributeTypes) as SvmAttributeName[],
    lastAttributeType: Math.max(...Object.values(attributeTypes)),
    locations,
    getWalksVmas,
    maxAttributes,
    behaviour,
  };
}

/** Whether `request` is the SVM ioctl of `profile`: the DRM core looks at type and number, not at the size. */
export function isSvmRequest(profile: UapiProfile, request: number): boolean {
  const asked = splitRequest(request);
  const own = splitRequest(profile.request);
  return asked.type === own.type && asked.number === own.number;
}
