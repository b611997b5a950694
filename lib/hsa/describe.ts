/** Calls as the traffic view shows them. Takes whatever a caller passed: it is shown before it is checked. */
import { show } from '../uapi/errors.ts';
import { HsaAgent } from './agent.ts';
import { HsaGlobalFlag, HsaSvmAttribute } from './constants.ts';
import { counted } from '../words/counted.ts';

const ATTRIBUTE_NAMES: Readonly<Record<number, string>> = {
  [HsaSvmAttribute.globalFlag]: 'GLOBAL_FLAG',
  [HsaSvmAttribute.readOnly]: 'READ_ONLY',
  [HsaSvmAttribute.hiveLocal]: 'HIVE_LOCAL',
  [HsaSvmAttribute.migrationGranularity]: 'MIGRATION_GRANULARITY',
  [HsaSvmAttribute.preferredLocation]: 'PREFERRED_LOCATION',
  [HsaSvmAttribute.prefetchLocation]: 'PREFETCH_LOCATION',
  [HsaSvmAttribute.readMostly]: 'READ_MOSTLY',
  [HsaSvmAttribute.gpuExec]: 'GPU_EXEC',
  [HsaSvmAttribute.agentAccessible]: 'AGENT_ACCESSIBLE',
  [HsaSvmAttribute.agentAccessibleInPlace]: 'AGENT_ACCESSIBLE_IN_PLACE',
  [HsaSvmAttribute.agentNoAccess]: 'AGENT_NO_ACCESS',
  [HsaSvmAttribute.accessQuery]: 'ACCESS_QUERY',
};

/** 'hsa_amd_svm_attributes_set(GLOBAL_FLAG=COARSE, AGENT_ACCESSIBLE=GPU1)'. */
export function describeSet(pairs: unknown): string {
  return `hsa_amd_svm_attributes_set(${describePairs(pairs, true)})`;
}

/** 'hsa_amd_svm_attributes_get(GLOBAL_FLAG, ACCESS_QUERY=GPU0)'. */
export function describeGet(pairs: unknown): string {
  return `hsa_amd_svm_attributes_get(${describePairs(pairs, false)})`;
}

/** 'hsa_amd_svm_prefetch_async(GPU1)'. */
export function describePrefetch(agent: unknown): string {
  return `hsa_amd_svm_prefetch_async(${describeValue(agent)})`;
}

/** 'hsa_amd_svm_discard_batch_async(2 ranges)', 'hsa_amd_svm_discard_and_prefetch_batch_async(2 ranges, GPU0)'. */
export function describeDiscard(ranges: unknown, agents: unknown): string {
  const what = Array.isArray(ranges) ? `${counted(ranges.length, 'range')}` : show(ranges);
  if (agents === undefined) return `hsa_amd_svm_discard_batch_async(${what})`;
  const where = Array.isArray(agents)
    ? Array.from(agents as readonly unknown[], describeValue).join(', ')
    : show(agents);
  return `hsa_amd_svm_discard_and_prefetch_batch_async(${what}, ${where})`;
}

function describePairs(pairs: unknown, withValues: boolean): string {
  if (!Array.isArray(pairs)) return show(pairs);
  return Array.from(pairs as readonly unknown[], (pair) => {
    if (typeof pair !== 'object' || pair === null) return show(pair);
    const { attribute, value } = pair as { attribute?: unknown; value?: unknown };
    const number = typeof attribute === 'number' || typeof attribute === 'bigint' ? Number(attribute) : NaN;
    const name = ATTRIBUTE_NAMES[number] ?? show(attribute);
    if (!withValues && number !== HsaSvmAttribute.accessQuery) return name;
    return `${name}=${number === HsaSvmAttribute.globalFlag ? describeFlag(value) : describeValue(value)}`;
  }).join(', ');
}

function describeFlag(value: unknown): string {
  const number = typeof value === 'number' || typeof value === 'bigint' ? Number(value) : NaN;
  if (number === HsaGlobalFlag.fineGrained) return 'FINE';
  if (number === HsaGlobalFlag.coarseGrained) return 'COARSE';
  return number === HsaGlobalFlag.indeterminate ? 'INDETERMINATE' : describeValue(value);
}

function describeValue(value: unknown): string {
  if (value instanceof HsaAgent) return value.name;
  if (value === null) return 'none';
  return typeof value === 'bigint' || typeof value === 'boolean' ? String(Number(value)) : show(value);
}
