/** `hipMemRangeGetAttribute` and `hipMemRangeGetAttributes` (spec/hip §5). */
import { HsaSvmAttribute } from '../hsa/index.ts';
import type { HsaAgent, HsaSvmAttributeAnswer, HsaSvmAttributeQuery } from '../hsa/index.ts';
import { assertTracked } from './advise.ts';
import type { Pointer } from './arguments.ts';
import { HipDeviceId, HipHmmFlag, HipMemRangeAttribute, HipMemRangeCoherencyMode } from './constants.ts';
import { invalidValue } from './error.ts';
import type { HipMemory, MemoryOwner } from './memory.ts';
import { assertInside, orInvalidValue, pagesOf } from './state.ts';
import type { HipState } from './state.ts';

/** One attribute to ask for. */
export interface RangeQuestion {
  /** Where the answer goes; null: nowhere, which is refused. */
  readonly data: DataView | null;
  /** Bytes of the answer, as the caller says. */
  readonly size: number;
  /** A `HipMemRangeAttribute`. */
  readonly attribute: number;
}

/** An answer of HSA as the decoder sees it: what was never asked reads as zeros. */
const BEYOND: HsaSvmAttributeAnswer = { attribute: 0, value: 0 };
const INT_BYTES = 4;

export class RangeAttributes {
  readonly #state: HipState;
  readonly #owner: MemoryOwner;
  /** The agents of an AccessedBy query, in the order of its answer. */
  readonly #agents: readonly HsaAgent[];

  constructor(state: HipState, owner: MemoryOwner) {
    this.#state = state;
    this.#owner = owner;
    this.#agents = [...state.hsa.gpuAgents, ...state.hsa.cpuAgents];
  }

  one(question: RangeQuestion, pointer: Pointer, count: bigint): void {
    this.#state.assertOpen();
    if (question.data === null) throw invalidValue('data: null');
    if (question.size === 0) throw invalidValue('dataSize: 0');
    this.#assertRange(pointer, count);
    const memory = this.#state.lookUp('pointer', pointer, this.#owner);
    this.#assertDocumented([question], memory, pointer, count);
    this.#answer([question], memory, pointer, count, false);
  }

  /** Stricter than `one`: the memory must be managed. `questions` null: one of the lists is. */
  many(questions: readonly RangeQuestion[] | null, pointer: Pointer, count: bigint): void {
    this.#state.assertOpen();
    if (questions === null) throw invalidValue('a list is null');
    if (questions.length === 0) throw invalidValue('attributeCount: 0');
    this.#assertRange(pointer, count);
    for (const [index, { data }] of questions.entries()) if (data === null) throw invalidValue(`data[${index}]: null`);
    const memory = this.#state.lookUp('pointer', pointer, this.#owner);
    if (memory === undefined || memory.kind === 'device') throw invalidValue('pointer: not managed memory');
    this.#assertDocumented(questions, memory, pointer, count);
    this.#answer(questions, memory, pointer, count, true);
  }

  #assertRange(pointer: Pointer, count: bigint): void {
    if (pointer.address === 0n) throw invalidValue('pointer: null');
    if (count === 0n) throw invalidValue('count: 0');
  }

  /** The manual speaks of managed memory, and of ranges in it; the code does not look, and the ioctl answers for anything. */
  #assertDocumented(
    questions: readonly RangeQuestion[],
    memory: HipMemory | undefined,
    pointer: Pointer,
    count: bigint,
  ): void {
    if (!this.#state.documented || memory === undefined) return;
    // That one is answered without asking SVM.
    const isManagedOnly = questions.some(({ attribute }) => attribute !== HipMemRangeAttribute.coherencyMode);
    if (isManagedOnly && memory.kind !== 'managed') throw invalidValue('pointer: not managed memory');
    assertInside(memory, pointer, count);
  }

  #answer(
    questions: readonly RangeQuestion[],
    memory: HipMemory | undefined,
    pointer: Pointer,
    count: bigint,
    isMany: boolean,
  ): void {
    const state = this.#state;
    if ((state.options.hmmFlags & HipHmmFlag.enableSvmTracking) !== 0) {
      assertTracked(memory);
      assertInside(memory!, pointer, count);
    }
    const known = this.#knownCoherency(memory);
    for (const { attribute, data } of questions) {
      if (attribute === HipMemRangeAttribute.coherencyMode) writeIfRoom(data!, known);
    }
    // Nothing else is written then.
    if (!state.hmm) return;
    const asked = known === HipMemRangeCoherencyMode.indeterminate;
    const pairs = questions.flatMap(({ attribute }) => this.#pairsOf(attribute, asked));
    const answers =
      pairs.length === 0 ? [] : orInvalidValue(() => state.hsa.svmAttributesGet(pointer.address, count, pairs));
    let slot = 0;
    for (const question of questions) {
      const take = this.#decode(question, answers, slot, asked, pointer, count);
      // For coherency the decoder of many goes on by one even if nothing was asked.
      slot += take === 0 && isMany && !state.documented ? 1 : take;
    }
  }

  /** What `hsa_amd_pointer_info` tells: managed memory is a reserved address, of which it knows nothing. */
  #knownCoherency(memory: HipMemory | undefined): number {
    switch (memory?.kind) {
      case 'device':
        return HipMemRangeCoherencyMode.coarseGrain;
      case 'host':
        return HipMemRangeCoherencyMode.fineGrain;
      case 'managed':
        return this.#state.hmm ? HipMemRangeCoherencyMode.indeterminate : HipMemRangeCoherencyMode.fineGrain;
      default:
        return HipMemRangeCoherencyMode.indeterminate;
    }
  }

  #pairsOf(attribute: number, askCoherency: boolean): HsaSvmAttributeQuery[] {
    switch (attribute) {
      case HipMemRangeAttribute.readMostly:
        return [{ attribute: HsaSvmAttribute.readMostly }];
      case HipMemRangeAttribute.preferredLocation:
        return [{ attribute: HsaSvmAttribute.preferredLocation }];
      case HipMemRangeAttribute.lastPrefetchLocation:
        return [{ attribute: HsaSvmAttribute.prefetchLocation }];
      case HipMemRangeAttribute.accessedBy:
        return this.#agents.map((agent) => ({ attribute: HsaSvmAttribute.accessQuery, value: agent }));
      case HipMemRangeAttribute.coherencyMode:
        return askCoherency ? [{ attribute: HsaSvmAttribute.globalFlag }] : [];
      default:
        throw invalidValue(`attribute: unknown attribute ${attribute}`);
    }
  }

  /** Checks the size, which the original does this late, and writes the answer; returns the number of slots it takes. */
  #decode(
    question: RangeQuestion,
    answers: readonly HsaSvmAttributeAnswer[],
    slot: number,
    asked: boolean,
    pointer: Pointer,
    count: bigint,
  ): number {
    const { attribute, size } = question;
    const data = question.data!;
    if (attribute === HipMemRangeAttribute.accessedBy) {
      if (size % INT_BYTES !== 0)
        throw invalidValue(`dataSize: expected a multiple of 4 for a list of devices, got ${size}`);
      this.#writeAccessedBy(data, size, answers, slot, pointer, count);
      return this.#agents.length;
    }
    if (size !== INT_BYTES) throw invalidValue(`dataSize: expected 4, got ${size}`);
    const { value } = answers[slot] ?? BEYOND;
    switch (attribute) {
      case HipMemRangeAttribute.readMostly:
        // In a slot that is not its own an agent counts as true: its handle is above 0.
        data.setInt32(0, value === null || value === 0 ? 0 : 1, true);
        return 1;
      case HipMemRangeAttribute.coherencyMode:
        if (!asked) return 0;
        data.setInt32(0, this.#coherency(Number(value), pointer, count), true);
        return 1;
      default:
        data.setInt32(0, deviceOf(value), true);
        return 1;
    }
  }

  /** The agents that have access in place, in agent order; the rest is -2. */
  #writeAccessedBy(
    data: DataView,
    size: number,
    answers: readonly HsaSvmAttributeAnswer[],
    slot: number,
    pointer: Pointer,
    count: bigint,
  ): void {
    const state = this.#state;
    const devices: number[] = [];
    for (const [index, agent] of this.#agents.entries()) {
      if (answers[slot + index]?.attribute === HsaSvmAttribute.agentAccessibleInPlace) devices.push(deviceOf(agent));
    }
    // HSA says ACCESSIBLE of a CPU, never IN_PLACE: the code loses it here.
    if (state.documented && state.accessedByCpu.covers(...pagesOf(pointer.address, count)))
      devices.push(HipDeviceId.cpu);
    for (let index = 0; index < size / INT_BYTES; index++) {
      data.setInt32(index * INT_BYTES, devices[index] ?? HipDeviceId.invalid, true);
    }
  }

  /** The device answers "fine everywhere" or not; where some pages are coarse, the manual has a third value. */
  #coherency(value: number, pointer: Pointer, count: bigint): number {
    const { documented, coarseGrained } = this.#state;
    if (!documented || value !== HipMemRangeCoherencyMode.coarseGrain) return value;
    const pages = pagesOf(pointer.address, count);
    const isMixed = coarseGrained.intersects(...pages) && !coarseGrained.covers(...pages);
    return isMixed ? HipMemRangeCoherencyMode.indeterminate : value;
  }
}

/** A device id for an agent; -1 any CPU, -2 no agent. */
function deviceOf(value: number | HsaAgent | null): number {
  if (value === null || typeof value === 'number') return HipDeviceId.invalid;
  return value.kind === 'gpu' ? value.index : HipDeviceId.cpu;
}

function writeIfRoom(data: DataView, value: number): void {
  if (data.byteLength >= INT_BYTES) data.setInt32(0, value, true);
}
