/** Setting attributes: from pairs to one list of records for each GPU (spec/hsa §3). */
import { SvmAccess, SvmAttributeType, SvmLocation, SvmOperation } from '../uapi/constants.ts';
import type { SvmAttributeRecord } from '../uapi/call.ts';
import type { ByteRange } from '../uapi/range.ts';
import type { HsaAgent } from './agent.ts';
import { HsaGlobalFlag, HsaSvmAttribute, LARGEST_HSA_GRANULARITY } from './constants.ts';
import { HsaError, HsaStatus } from './error.ts';
import { assertGpus, callGpu, throwOnFailure } from './gpu-call.ts';
import type { ReadPair } from './pairs.ts';

/** Attributes 0 to 7: none of them may be given twice in a list. */
const LAST_SINGLE_ATTRIBUTE = HsaSvmAttribute.gpuExec;

/** The flags that attributes turn into; any non-zero value is true. */
const FLAG_OF: Readonly<Record<number, number>> = {
  [HsaSvmAttribute.readOnly]: SvmAttributeType.gpuReadOnly,
  [HsaSvmAttribute.hiveLocal]: SvmAttributeType.hiveLocal,
  [HsaSvmAttribute.readMostly]: SvmAttributeType.gpuReadMostly,
  [HsaSvmAttribute.gpuExec]: SvmAttributeType.gpuExecutable,
};
const ACCESS_OF: Readonly<Record<number, number>> = {
  [HsaSvmAttribute.agentAccessible]: SvmAccess['allow-migrate'],
  [HsaSvmAttribute.agentAccessibleInPlace]: SvmAccess['in-place'],
  [HsaSvmAttribute.agentNoAccess]: SvmAccess.inaccessible,
};
/** The order in which flags are sent. */
const FLAG_ORDER = [
  SvmAttributeType.hostAccess,
  SvmAttributeType.coherent,
  SvmAttributeType.extCoherent,
  SvmAttributeType.hiveLocal,
  SvmAttributeType.gpuReadOnly,
  SvmAttributeType.gpuExecutable,
  SvmAttributeType.gpuReadMostly,
] as const;

/** The checks of step 3, in list order: the first bad pair ends the call before any ioctl. */
export function checkPairsToSet(pairs: readonly ReadPair[]): void {
  let seen = 0;
  const withAccess: HsaAgent[] = [];
  for (const [index, pair] of pairs.entries()) {
    const { attribute, field, agent, number } = pair;
    if (attribute >= 0 && attribute <= LAST_SINGLE_ATTRIBUTE) {
      // Before the look at the value.
      if ((seen & (1 << attribute)) !== 0)
        refuse(
          HsaStatus.incompatibleArguments,
          `pairs[${index}].attribute`,
          `attribute ${attribute} is given twice in the list`,
        );
      seen |= 1 << attribute;
    }
    if (attribute in ACCESS_OF) {
      if (agent === null || agent === 'invalid') throw invalidAgent(field, agent);
      if (withAccess.includes(agent))
        refuse(HsaStatus.incompatibleArguments, field, `${agent.name} has an access attribute already in the list`);
      withAccess.push(agent);
    } else if (attribute === HsaSvmAttribute.preferredLocation) {
      if (agent === 'invalid') throw invalidAgent(field, agent);
    } else if (attribute === HsaSvmAttribute.globalFlag) {
      if (number !== BigInt(HsaGlobalFlag.fineGrained) && number !== BigInt(HsaGlobalFlag.coarseGrained)) {
        refuse(HsaStatus.invalidArgument, field, `expected 0 (fine grained) or 1 (coarse grained), got ${number}`);
      }
    } else if (attribute !== HsaSvmAttribute.migrationGranularity && !(attribute in FLAG_OF)) {
      refuse(
        HsaStatus.invalidArgument,
        `pairs[${index}].attribute`,
        `${attribute < 0 ? 'the attribute' : `attribute ${attribute}`} can't be set`,
      );
    }
  }
}

/**
 * The records for each GPU, in the order of `gpuAgents`: what concerns all of them
 * (granularity and "no GPU" locations in list order, then flags), then what is its own
 * in list order (spec/hsa §3.2). `clearOthers`: a GPU that is not the preferred one is
 * told so, which the runtime leaves out (spec/hsa §3.3, stale "this GPU").
 */
export function recordsToSet(
  pairs: readonly ReadPair[],
  gpuAgents: readonly HsaAgent[],
  clearOthers: boolean,
): SvmAttributeRecord[][] {
  const common: SvmAttributeRecord[] = [];
  const own = gpuAgents.map((): SvmAttributeRecord[] => []);
  // Masks by attribute type. Set wins over clear where one call does both to HOST_ACCESS (two CPU agents).
  let set = 0;
  let clear = 0;
  const setFlag = (type: number, on: boolean): void => {
    if (on) set |= 1 << type;
    else clear |= 1 << type;
  };
  for (const { attribute, agent: resolved, number } of pairs) {
    const agent = resolved as HsaAgent | null;
    if (attribute in ACCESS_OF) {
      if (agent!.kind === 'gpu')
        own[agent!.index]!.push({ type: SvmAttributeType.access, value: ACCESS_OF[attribute]! });
      // IN_PLACE and ACCESSIBLE are the same for a CPU.
      else setFlag(SvmAttributeType.hostAccess, attribute !== HsaSvmAttribute.agentNoAccess);
    } else if (attribute === HsaSvmAttribute.preferredLocation) {
      const type = SvmAttributeType.preferredLocation;
      if (agent?.kind !== 'gpu') {
        common.push({ type, value: agent === null ? SvmLocation.undefined : SvmLocation.system });
        continue;
      }
      own[agent.index]!.push({ type, value: SvmLocation.device });
      if (!clearOthers) continue;
      for (const other of gpuAgents)
        if (other !== agent) own[other.index]!.push({ type, value: SvmLocation.undefined });
    } else if (attribute === HsaSvmAttribute.migrationGranularity) {
      const value = number > BigInt(LARGEST_HSA_GRANULARITY) ? LARGEST_HSA_GRANULARITY : Number(number);
      common.push({ type: SvmAttributeType.granularity, value });
    } else if (attribute === HsaSvmAttribute.globalFlag) {
      setFlag(SvmAttributeType.coherent, number === BigInt(HsaGlobalFlag.fineGrained));
    } else {
      setFlag(FLAG_OF[attribute]!, number !== 0n);
    }
  }
  if ((set | clear) !== 0) {
    for (const type of FLAG_ORDER)
      if (((set | clear) & (1 << type)) !== 0) common.push({ type, value: (set >> type) & 1 });
  }
  return own.map((records) => (records.length === 0 ? common : [...common, ...records]));
}

/** One ioctl for each GPU that has records; the first failure ends the call, and GPUs done before stay changed. */
export function setOnGpus(
  range: ByteRange,
  gpuAgents: readonly HsaAgent[],
  records: readonly (readonly SvmAttributeRecord[])[],
): void {
  assertGpus(gpuAgents);
  for (const agent of gpuAgents) {
    const list = records[agent.index]!;
    if (list.length === 0) continue;
    const asked = { operation: 'setAttributes', records: list } as const;
    const { result } = callGpu(agent.device!, SvmOperation.setAttributes, range, list);
    if (result >= 0) continue;
    const before = gpuAgents.slice(0, gpuAgents.indexOf(agent)).filter(({ index }) => records[index]!.length > 0);
    throwOnFailure(agent, result, range, asked, before);
  }
}

/** The error for a null or unknown agent. */
export function invalidAgent(field: string, agent: null | 'invalid'): HsaError {
  return new HsaError(
    HsaStatus.invalidAgent,
    agent === null ? 'expected an agent, got null' : 'no agent of this runtime',
    { field },
  );
}

function refuse(status: HsaStatus, field: string, reason: string): never {
  throw new HsaError(status, reason, { field });
}
