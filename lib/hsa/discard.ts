/**
 * `hsa_amd_svm_discard_batch_async` and `hsa_amd_svm_discard_and_prefetch_batch_async`
 * (spec/hsa §6): the pages come home, then their contents are thrown away.
 */
import { show, typeError } from '../uapi/errors.ts';
import { byteRange } from '../uapi/range.ts';
import type { ByteRange, SvmRange } from '../uapi/range.ts';
import type { AgentTable, HsaAgent } from './agent.ts';
import type { AsyncCalls } from './async-calls.ts';
import { HsaSvmAttribute } from './constants.ts';
import { HsaError, HsaStatus } from './error.ts';
import { getFromGpus } from './get.ts';
import { assertGpus } from './gpu-call.ts';
import { pageRange } from './arguments.ts';
import type { Prefetcher } from './prefetch.ts';
import type { Reservations } from './reservations.ts';
import { invalidAgent } from './set.ts';
import type { HsaSignal } from './signal.ts';

/** A discard with its types checked. */
export interface DiscardOperation {
  readonly ranges: readonly ByteRange[];
  /** Where each range goes afterwards, one for each; none: they stay home. */
  readonly destinations: readonly HsaAgent[];
  readonly dependencies: readonly HsaSignal[];
  readonly completion: HsaSignal | undefined;
  readonly call: () => string;
}

export class Discarder {
  readonly #agents: AgentTable;
  readonly #calls: AsyncCalls;
  readonly #prefetcher: Prefetcher;
  readonly #reservations: Reservations;

  constructor(agents: AgentTable, calls: AsyncCalls, prefetcher: Prefetcher, reservations: Reservations) {
    this.#agents = agents;
    this.#calls = calls;
    this.#prefetcher = prefetcher;
    this.#reservations = reservations;
  }

  /** The ranges; INVALID_ARGUMENT for none, and for what is not inside a reservation. */
  readRanges(ranges: unknown): ByteRange[] {
    if (!Array.isArray(ranges))
      throw typeError('ERR_SVM_INVALID_TYPE', `ranges: expected a list of ranges, got ${show(ranges)}`);
    if (ranges.length === 0) throw new HsaError(HsaStatus.invalidArgument, 'no range', { field: 'ranges' });
    return Array.from(ranges as readonly SvmRange[], (each, index) => {
      const field = `ranges[${index}]`;
      const range = byteRange(each, field);
      if (range.size === 0n) throw new HsaError(HsaStatus.invalidArgument, '0 bytes', { field: `${field}.size` });
      if (this.#reservations.containing(range) === undefined) {
        throw new HsaError(HsaStatus.invalidArgument, 'not inside memory of vmemAddressReserve', { field });
      }
      return range;
    });
  }

  /** One agent for each of `count` ranges; a single one is for all. INVALID_ARGUMENT for other numbers, INVALID_AGENT. */
  readDestinations(agents: unknown, count: number): HsaAgent[] {
    if (!Array.isArray(agents))
      throw typeError('ERR_SVM_INVALID_TYPE', `agents: expected a list of agents, got ${show(agents)}`);
    if (agents.length !== count && agents.length !== 1) {
      throw new HsaError(HsaStatus.invalidArgument, `expected 1 or ${count} agents, got ${agents.length}`, {
        field: 'agents',
      });
    }
    const read = Array.from(agents as readonly unknown[], (each, index) => {
      const agent = this.#agents.resolve(`agents[${index}]`, each);
      if (agent === null || agent === 'invalid') throw invalidAgent(`agents[${index}]`, agent);
      return agent;
    });
    return Array.from({ length: count }, (_, index) => read[index] ?? read[0]!);
  }

  issue({ ranges, destinations, dependencies, completion, call }: DiscardOperation): void {
    // Unlike those of a prefetch they are counted together; what is 0 already does not count.
    const pending = dependencies.filter((signal) => signal.load() !== 0n);
    this.#calls.issue({
      call,
      completion,
      ready: async () => void (await Promise.all(pending.map((signal) => signal.wait('eq', 0)))),
      run: async () => {
        assertGpus(this.#agents.gpuAgents);
        for (const [index, range] of ranges.entries()) await this.#discard(range, destinations[index]);
      },
    });
  }

  async #discard(range: ByteRange, destination: HsaAgent | undefined): Promise<void> {
    const pages = pageRange(range.address, range.size);
    const pair = { attribute: HsaSvmAttribute.preferredLocation, field: 'preferredLocation', agent: null, number: 0n };
    const [preferred] = getFromGpus(pages, [pair], this.#agents, HsaSvmAttribute.agentNoAccess);
    const isHome = (preferred!.value as HsaAgent | null)?.kind === 'cpu';
    if (!isHome) await this.#prefetcher.move(pages, this.#agents.cpuAgents[0]!);
    // Looked for again: it may have been freed since the call.
    const reservation = this.#reservations.containing(range);
    if (reservation === undefined)
      throw new HsaError(HsaStatus.invalidArgument, 'the memory was freed before the discard ran', { field: 'ranges' });
    reservation.discard(range);
    if (destination !== undefined) await this.#prefetcher.move(pages, destination);
  }
}
