/** Getting attributes: one batched question to each GPU, and what its answers mean (spec/hsa §4). */
import { SvmAccess, SvmAttributeType, SvmLocation, SvmOperation } from '../uapi/constants.ts';
import type { ByteRange } from '../uapi/range.ts';
import type { AgentTable, HsaAgent } from './agent.ts';
import { HsaGlobalFlag, HsaSvmAttribute } from './constants.ts';
import { HsaError, HsaStatus } from './error.ts';
import { assertGpus, callGpu } from './gpu-call.ts';
import type { ReadPair } from './pairs.ts';
import { invalidAgent } from './set.ts';

/** An answered pair. */
export interface HsaSvmAttributeAnswer {
  /** As it was asked; of an answered access query one of `agentAccessible`, `agentAccessibleInPlace`, `agentNoAccess`. */
  readonly attribute: number;
  /** An agent or null for locations and access queries (null location: none, or mixed), else a number. */
  readonly value: number | HsaAgent | null;
}

const FLAG_OF: Readonly<Record<number, number>> = {
  [HsaSvmAttribute.readOnly]: SvmAttributeType.gpuReadOnly,
  [HsaSvmAttribute.hiveLocal]: SvmAttributeType.hiveLocal,
  [HsaSvmAttribute.readMostly]: SvmAttributeType.gpuReadMostly,
};
const GETTABLE: ReadonlySet<number> = new Set([
  HsaSvmAttribute.globalFlag,
  HsaSvmAttribute.readOnly,
  HsaSvmAttribute.hiveLocal,
  HsaSvmAttribute.migrationGranularity,
  HsaSvmAttribute.preferredLocation,
  HsaSvmAttribute.prefetchLocation,
  HsaSvmAttribute.readMostly,
  HsaSvmAttribute.accessQuery,
]);
/** The order in which one GPU is asked (spec/hsa §4.3). */
const QUESTION_ORDER = [
  SvmAttributeType.hostAccess,
  SvmAttributeType.coherent,
  SvmAttributeType.extCoherent,
  SvmAttributeType.hiveLocal,
  SvmAttributeType.gpuReadOnly,
  SvmAttributeType.gpuReadMostly,
  SvmAttributeType.granularity,
  SvmAttributeType.preferredLocation,
  SvmAttributeType.prefetchLocation,
  SvmAttributeType.access,
] as const;

/** The checks of spec/hsa §4.1, in list order. Duplicates are allowed. */
export function checkPairsToGet(pairs: readonly ReadPair[]): void {
  for (const [index, { attribute, field, agent }] of pairs.entries()) {
    if (!GETTABLE.has(attribute)) {
      const what = attribute < 0 ? 'the attribute' : `attribute ${attribute}`;
      throw new HsaError(HsaStatus.invalidArgument, `${what} can't be asked for`, {
        field: `pairs[${index}].attribute`,
      });
    }
    if (attribute === HsaSvmAttribute.accessQuery && (agent === null || agent === 'invalid'))
      throw invalidAgent(field, agent);
  }
}

/** What each GPU answered, by attribute type; undefined if it was not asked or refused. */
type Answers = readonly (ReadonlyMap<number, number> | undefined)[];

/**
 * Asks the GPUs for `pairs` (none of which is `prefetchLocation`: that is the runtime's
 * own, `askPrefetchNode`). `unansweredCpu`: what an access query of a CPU without
 * HOST_ACCESS reads. `allMustAgree`: the CPU is a location only if every GPU says so, which
 * the runtime leaves out: where one GPU's pages differ, another one still says SYSMEM.
 */
export function getFromGpus(
  range: ByteRange,
  pairs: readonly ReadPair[],
  agents: AgentTable,
  unansweredCpu: number,
  allMustAgree = false,
): HsaSvmAttributeAnswer[] {
  const questions = agents.gpuAgents.map(() => new Set<number>());
  for (const { attribute, agent } of pairs) addQuestions(questions, attribute, agent as HsaAgent | null);
  const answers = ask(range, agents, questions);
  return pairs.map((pair) => answerOf(pair, answers, agents, unansweredCpu, allMustAgree));
}

/** The node that the devices remember as the last prefetch target of the range; undefined: none, or mixed. */
export function askPrefetchNode(range: ByteRange, agents: AgentTable, allMustAgree = false): number | undefined {
  const type = SvmAttributeType.prefetchLocation;
  const answers = ask(
    range,
    agents,
    agents.gpuAgents.map(() => new Set([type])),
  );
  return locationOf(type, answers, agents, allMustAgree)?.node;
}

function addQuestions(questions: readonly Set<number>[], attribute: number, agent: HsaAgent | null): void {
  // Flags and granularity are what GPU 0 says, locations concern everybody.
  const [first] = questions;
  switch (attribute) {
    case HsaSvmAttribute.globalFlag:
      first?.add(SvmAttributeType.coherent);
      return;
    case HsaSvmAttribute.migrationGranularity:
      first?.add(SvmAttributeType.granularity);
      return;
    case HsaSvmAttribute.preferredLocation:
      for (const question of questions) question.add(SvmAttributeType.preferredLocation);
      return;
    case HsaSvmAttribute.accessQuery:
      if (agent!.kind === 'gpu') questions[agent!.index]!.add(SvmAttributeType.access);
      else first?.add(SvmAttributeType.hostAccess);
      return;
    default:
      first?.add(FLAG_OF[attribute]!);
  }
}

/** One GET for each GPU that has anything to answer; a refusal counts as no answer. */
function ask(range: ByteRange, agents: AgentTable, questions: readonly ReadonlySet<number>[]): Answers {
  assertGpus(agents.gpuAgents);
  return agents.gpuAgents.map((agent) => {
    const asked = questions[agent.index]!;
    if (asked.size === 0) return undefined;
    const records = QUESTION_ORDER.filter((type) => asked.has(type)).map((type) => ({ type, value: 0 }));
    const { result, attributes } = callGpu(agent.device!, SvmOperation.getAttributes, range, records);
    return result < 0 ? undefined : new Map(attributes.map(({ type, value }) => [type, value]));
  });
}

function answerOf(
  pair: ReadPair,
  answers: Answers,
  agents: AgentTable,
  unansweredCpu: number,
  allMustAgree: boolean,
): HsaSvmAttributeAnswer {
  const { attribute, number } = pair;
  // An unanswered flag reads as 0, thus coarse grained and no access of the CPU.
  const flag = (type: number): number => (answers[0]?.get(type) === 1 ? 1 : 0);
  switch (attribute) {
    case HsaSvmAttribute.globalFlag: {
      const coherent = flag(SvmAttributeType.coherent) === 1;
      return { attribute, value: coherent ? HsaGlobalFlag.fineGrained : HsaGlobalFlag.coarseGrained };
    }
    case HsaSvmAttribute.migrationGranularity:
      return { attribute, value: answers[0]?.get(SvmAttributeType.granularity) ?? Number(number) };
    case HsaSvmAttribute.preferredLocation:
      return { attribute, value: locationOf(SvmAttributeType.preferredLocation, answers, agents, allMustAgree) };
    case HsaSvmAttribute.accessQuery: {
      const agent = pair.agent as HsaAgent;
      if (agent.kind === 'gpu')
        return { attribute: accessOf(answers[agent.index]?.get(SvmAttributeType.access)), value: agent };
      const accessible = flag(SvmAttributeType.hostAccess) === 1;
      return { attribute: accessible ? HsaSvmAttribute.agentAccessible : unansweredCpu, value: agent };
    }
    default:
      return { attribute, value: flag(FLAG_OF[attribute]!) };
  }
}

/** The first GPU that claims the range; else the CPU agent of node 0 if a GPU (`allMustAgree`: every one) says SYSMEM; else none. */
function locationOf(type: number, answers: Answers, agents: AgentTable, allMustAgree: boolean): HsaAgent | null {
  let system = 0;
  for (const agent of agents.gpuAgents) {
    const value = answers[agent.index]?.get(type) ?? SvmLocation.undefined;
    if (value === SvmLocation.system) system++;
    else if (value !== SvmLocation.undefined) return agent;
  }
  return system >= (allMustAgree ? agents.gpuAgents.length : 1) ? agents.cpuAgents[0]! : null;
}

function accessOf(access: number | undefined): number {
  if (access === undefined) return HsaSvmAttribute.accessQuery;
  if (access === SvmAccess.inaccessible) return HsaSvmAttribute.agentNoAccess;
  return access === SvmAccess['in-place'] ? HsaSvmAttribute.agentAccessibleInPlace : HsaSvmAttribute.agentAccessible;
}
