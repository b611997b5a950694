/** `hsa_amd_memory_lock`: memory of the process that stays where it is. */
import { addressOf, sizeOf } from '../uapi/range.ts';
import { show, typeError } from '../uapi/errors.ts';
import type { AgentTable } from './agent.ts';
import { HsaPointerType } from './constants.ts';
import { HsaError, HsaStatus } from './error.ts';
import { assertGpus } from './gpu-call.ts';
import { pinMemory, PinnedRanges } from './pins.ts';
import type { HsaPointerInfo } from './reservations.ts';

/** The locked ranges of one runtime. */
export class MemoryLocks {
  readonly #agents: AgentTable;
  readonly #ranges = new PinnedRanges();

  constructor(agents: AgentTable) {
    this.#agents = agents;
  }

  lock(address: bigint, size: number | bigint, agents: unknown): bigint {
    const first = addressOf('address', address);
    const bytes = sizeOf('size', size);
    if (first === 0n) throw refused('address', 'null');
    if (bytes === 0n) throw refused('size', '0 bytes');
    this.#checkAgents(agents);
    const { gpuAgents } = this.#agents;
    assertGpus(gpuAgents);
    if (this.#ranges.overlaps(first, bytes)) throw refused('address', 'a part of the range is locked already');
    try {
      const letGo = pinMemory(gpuAgents[0]!.device!, first, bytes);
      this.#ranges.add({ address: first, size: bytes, flags: 0, letGo });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EFAULT') throw error;
      throw refused('address', 'not all of the range is mapped', error);
    }
    return first;
  }

  unlock(address: bigint): void {
    const first = addressOf('address', address);
    const range = this.#ranges.remove(first);
    if (range === undefined) throw refused('address', `nothing locked begins at 0x${first.toString(16)}`);
    range.letGo();
  }

  info(address: bigint): HsaPointerInfo | undefined {
    const range = this.#ranges.find(addressOf('address', address));
    return range === undefined
      ? undefined
      : { type: HsaPointerType.locked, address: range.address, size: Number(range.size) };
  }

  close(): void {
    this.#ranges.clear();
  }

  #checkAgents(agents: unknown): void {
    if (agents === null) return;
    if (!Array.isArray(agents))
      throw typeError('ERR_SVM_INVALID_TYPE', `agents: expected a list of agents or null, got ${show(agents)}`);
    for (const [index, agent] of (agents as readonly unknown[]).entries()) {
      const found = this.#agents.resolve(`agents[${index}]`, agent);
      if (found === null || found === 'invalid')
        throw new HsaError(HsaStatus.invalidAgent, 'no agent of this runtime', { field: `agents[${index}]` });
    }
  }
}

function refused(field: string, reason: string, cause?: unknown): HsaError {
  return new HsaError(HsaStatus.invalidArgument, reason, { field, cause });
}
