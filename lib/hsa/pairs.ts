/** Attribute pairs as callers give them: types are checked here, before the rules of HSA look at them (spec/hsa §2). */
import { show, typeError } from '../uapi/errors.ts';
import type { AgentTable, HsaAgent } from './agent.ts';
import { u64Of } from './arguments.ts';
import { HsaSvmAttribute } from './constants.ts';

/** A value: an agent (or its handle, or null), or a number; true and false count as 1 and 0. */
export type HsaSvmValue = HsaAgent | null | number | bigint | boolean;

/** What to set. */
export interface HsaSvmAttributePair {
  /** One of `HsaSvmAttribute`, u64. */
  readonly attribute: number | bigint;
  readonly value: HsaSvmValue;
}

/** What to get. Only `accessQuery` looks at `value`: the agent. */
export interface HsaSvmAttributeQuery {
  /** One of `HsaSvmAttribute`, u64. */
  readonly attribute: number | bigint;
  readonly value?: HsaSvmValue;
}

/** A pair with its types checked. */
export interface ReadPair {
  /** As `HsaSvmAttribute`; what is too large for that is -1, an unknown attribute like any other. */
  readonly attribute: number;
  /** Where the value is: 'pairs[0].value'. */
  readonly field: string;
  /** The value of an attribute that takes an agent, else null. */
  readonly agent: HsaAgent | null | 'invalid';
  /** The value of an attribute that takes a number, else 0. */
  readonly number: bigint;
}

const AGENT_TO_SET: ReadonlySet<number> = new Set([
  HsaSvmAttribute.preferredLocation,
  HsaSvmAttribute.agentAccessible,
  HsaSvmAttribute.agentAccessibleInPlace,
  HsaSvmAttribute.agentNoAccess,
]);
const NUMBER_TO_SET: ReadonlySet<number> = new Set([
  HsaSvmAttribute.globalFlag,
  HsaSvmAttribute.readOnly,
  HsaSvmAttribute.hiveLocal,
  HsaSvmAttribute.migrationGranularity,
  HsaSvmAttribute.readMostly,
  HsaSvmAttribute.gpuExec,
]);

/** Reads the pairs of a set. TypeError or RangeError names the field ('pairs[0].value'). */
export function readPairsToSet(pairs: readonly HsaSvmAttributePair[], agents: AgentTable): ReadPair[] {
  return readPairs(pairs, (attribute, field, value) => {
    if (AGENT_TO_SET.has(attribute)) return { agent: agents.resolve(field, value), number: 0n };
    if (NUMBER_TO_SET.has(attribute)) return { agent: null, number: numberOf(field, value) };
    return { agent: null, number: 0n };
  });
}

/** Reads the pairs of a get, as `readPairsToSet` does. */
export function readPairsToGet(pairs: readonly HsaSvmAttributeQuery[], agents: AgentTable): ReadPair[] {
  return readPairs(pairs, (attribute, field, value) => {
    if (attribute === HsaSvmAttribute.accessQuery) return { agent: agents.resolve(field, value), number: 0n };
    // A granularity that can't be read is left as it was (4.3).
    if (attribute === HsaSvmAttribute.migrationGranularity && value !== undefined)
      return { agent: null, number: numberOf(field, value) };
    return { agent: null, number: 0n };
  });
}

function readPairs(
  pairs: readonly HsaSvmAttributeQuery[],
  readValue: (attribute: number, field: string, value: unknown) => Pick<ReadPair, 'agent' | 'number'>,
): ReadPair[] {
  if (!Array.isArray(pairs))
    throw typeError('ERR_SVM_INVALID_TYPE', `pairs: expected a list of pairs, got ${show(pairs)}`);
  const read: ReadPair[] = [];
  // By index, so that the holes of a sparse array are seen.
  for (let index = 0; index < pairs.length; index++) {
    const pair: unknown = pairs[index];
    if (typeof pair !== 'object' || pair === null || !('attribute' in pair)) {
      throw typeError('ERR_SVM_INVALID_TYPE', `pairs[${index}]: expected { attribute, value }, got ${show(pair)}`);
    }
    const attribute = attributeOf(`pairs[${index}].attribute`, pair.attribute);
    const field = `pairs[${index}].value`;
    const { agent, number } = readValue(attribute, field, 'value' in pair ? pair.value : undefined);
    read.push({ attribute, field, agent, number });
  }
  return read;
}

function attributeOf(field: string, value: unknown): number {
  const attribute = u64Of(field, value);
  return attribute > BigInt(Number.MAX_SAFE_INTEGER) ? -1 : Number(attribute);
}

function numberOf(field: string, value: unknown): bigint {
  return typeof value === 'boolean' ? BigInt(value) : u64Of(field, value);
}
