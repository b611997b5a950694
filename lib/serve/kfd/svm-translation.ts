/** What a list of KFD's attributes says to the SVM context of each GPU: one list of DRM attributes each (spec/hsa §3.1, §3.3). */
import { SvmAccess, SvmAttributeType, SvmFlag, SvmLocation } from '../../uapi/constants.ts';
import type { SvmAttributeName, SvmFlagName } from '../../uapi/constants.ts';
import type { AttributePair } from '../../uapi/call.ts';
import { KfdSvmFlag, KfdSvmLocation, KfdSvmType } from './svm-attributes.ts';
import type { KfdSvmAttribute, KfdSvmFlagName } from './svm-attributes.ts';

const FLAGS = Object.entries(KfdSvmFlag) as [KfdSvmFlagName & SvmAttributeName & SvmFlagName, number][];
const KNOWN_FLAGS = FLAGS.reduce((mask, [, bit]) => mask | bit, 0);

/** What is to be sent. */
export interface SvmTranslation {
  /** Attributes by GPU id, in the order of the ids given; of a type at most one. */
  readonly lists: ReadonlyMap<number, readonly AttributePair[]>;
  /** What KFD would do and the machine does not, one sentence each. */
  readonly notes: readonly string[];
}

/** `gpuIds`: those with a context. The list was checked: its types and ids are known. */
export function translateSet(records: readonly KfdSvmAttribute[], gpuIds: readonly number[]): SvmTranslation {
  const byGpu = new Map(gpuIds.map((id) => [id, new Map<number, number>()]));
  const notes = new Set<string>();
  const everywhere = (type: number, value: number): void => {
    for (const list of byGpu.values()) list.set(type, value);
  };
  /** A location that is one GPU's: what it is to the others. */
  const locate = (type: number, id: number, elsewhere: number): void => {
    for (const [gpu, list] of byGpu) list.set(type, gpu === id ? SvmLocation.device : elsewhere);
    if (!byGpu.has(id))
      notes.add(`GPU 0x${id.toString(16)} has no compute VM, so that no context knows it as a location`);
  };
  for (const { type, value } of records)
    switch (type) {
      case KfdSvmType.preferredLocation:
        if (value === KfdSvmLocation.system || value === KfdSvmLocation.undefined)
          everywhere(SvmAttributeType.preferredLocation, value);
        else locate(SvmAttributeType.preferredLocation, value, SvmLocation.undefined);
        break;
      case KfdSvmType.prefetchLocation:
        if (value === KfdSvmLocation.system) everywhere(SvmAttributeType.prefetchLocation, value);
        else locate(SvmAttributeType.prefetchLocation, value, SvmLocation.system);
        break;
      case KfdSvmType.access:
      case KfdSvmType.accessInPlace:
      case KfdSvmType.noAccess: {
        const list = byGpu.get(value);
        if (list === undefined)
          notes.add(`GPU 0x${value.toString(16)} has no compute VM, so that no context knows its access`);
        list?.set(SvmAttributeType.access, ACCESS_OF_TYPE[type]!);
        break;
      }
      case KfdSvmType.setFlags:
      case KfdSvmType.clearFlags: {
        const isSet = type === KfdSvmType.setFlags;
        for (const [name, bit] of FLAGS) {
          if ((value & bit) === 0) continue;
          // Later revisions do not have the attribute, and the first one does not accept it.
          if (name !== 'gpuAlwaysMapped') everywhere(SvmAttributeType[name], isSet ? 1 : 0);
          else if (isSet)
            notes.add('GPU_ALWAYS_MAPPED is not set: KFD would, DRM SVM has no such attribute or refuses it');
        }
        const unknown = (value & ~KNOWN_FLAGS) >>> 0;
        if (isSet && unknown !== 0)
          notes.add(`flags 0x${unknown.toString(16)} are not kept: KFD would, DRM SVM has no such attributes`);
        break;
      }
      default:
        everywhere(SvmAttributeType.granularity, value);
    }
  return { lists: new Map([...byGpu].map(([id, list]) => [id, [...list]])), notes: [...notes] };
}

const ACCESS_OF_TYPE: Readonly<Record<number, number>> = {
  [KfdSvmType.access]: SvmAccess['allow-migrate'],
  [KfdSvmType.accessInPlace]: SvmAccess['in-place'],
  [KfdSvmType.noAccess]: SvmAccess.inaccessible,
};

/** Flags of a record of the machine as KFD's. */
export function kfdFlags(flags: number): number {
  return FLAGS.reduce((mask, [name, bit]) => ((flags & SvmFlag[name]) === 0 ? mask : mask | bit), 0);
}
