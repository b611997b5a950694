/** Prefetches from the call to the completion signal (hsa.md section 5). */
import type { SvmDevice } from '../device/svm-device.ts';
import type { ByteRange } from '../device/range.ts';
import type { TrafficLog } from '../device/traffic.ts';
import type { AgentTable, HsaAgent } from './agent.ts';
import type { Compatibility } from './options.ts';
import { assertGpus, EINVAL, throwOnFailure } from './gpu-call.ts';
import { isRefusedByWrapper } from './page-range.ts';
import { lastPrefetchNode, PrefetchMap } from './prefetch-map.ts';
import type { HsaSignal, SignalOwner } from './signal.ts';

/** One issued prefetch. */
export interface PrefetchOperation {
  readonly range: ByteRange;
  readonly destination: HsaAgent;
  /** Node that queries answer with while it is pending. */
  readonly node: number;
  readonly dependencies: readonly HsaSignal[];
  readonly completion: HsaSignal | undefined;
  /** The call as the traffic view shows it. */
  readonly call: () => string;
}

const PAGE_SHIFT = 12n;

/** Everything of a runtime that prefetches. */
export class Prefetcher {
  readonly #agents: AgentTable;
  readonly #traffic: TrafficLog;
  readonly #owner: SignalOwner;
  readonly #compatibility: Compatibility;
  readonly #map = new PrefetchMap<PrefetchOperation>();
  readonly #pending = new Set<Promise<void>>();
  /** The runtime's thread for asynchronous functions: one after another. */
  #thread: Promise<void> = Promise.resolve();

  constructor(agents: AgentTable, traffic: TrafficLog, owner: SignalOwner, compatibility: Compatibility) {
    this.#agents = agents;
    this.#traffic = traffic;
    this.#owner = owner;
    this.#compatibility = compatibility;
  }

  /** Takes the pages at once; runs when the dependencies allow it, and never in this call. */
  issue(operation: PrefetchOperation): void {
    const [first, end] = pagesOf(operation.range);
    this.#map.issue(first, end, operation);
    const done = this.#process(operation).finally(() => this.#pending.delete(done));
    this.#pending.add(done);
  }

  /** Where the range was last sent, or null for nowhere or mixed. `askHole` asks the devices. */
  lastDestination(range: ByteRange, askHole: (hole: ByteRange) => number | undefined): HsaAgent | null {
    const view = this.#map.view(...pagesOf(range));
    const node = lastPrefetchNode(view, this.#compatibility === 'rocm', (first, end) =>
      askHole({ address: BigInt(first) << PAGE_SHIFT, size: BigInt(end - first) << PAGE_SHIFT }),
    );
    return node === undefined ? null : this.#agents.ofNode(node);
  }

  /** Settles when every prefetch issued so far has run or was dropped by `close`. */
  async idle(): Promise<void> {
    await Promise.all([...this.#pending]);
  }

  async #process(operation: PrefetchOperation): Promise<void> {
    // The last signal first, then towards the front, each looked at when its turn comes.
    for (const dependency of operation.dependencies.toReversed()) {
      try {
        await dependency.wait('eq', 0);
      } catch {
        return; // The runtime was closed; nobody can wait for the completion any more.
      }
    }
    const turn = this.#thread.then(() => this.#run(operation));
    this.#thread = turn;
    await turn;
  }

  async #run(operation: PrefetchOperation): Promise<void> {
    if (this.#owner.closed) return;
    let refusal: unknown;
    const prefetch = (): Promise<void> =>
      this.#prefetch(operation).catch((error: unknown) => {
        refusal = error;
        throw error;
      });
    try {
      await this.#traffic.trace(operation.call, prefetch);
    } catch (error) {
      // A release build of the runtime does not look at a refusal. An error of a listener has no caller to go to.
      if (error !== refusal) queueMicrotask(() => void rethrow(error));
    }
    // Queries turn from the map to the devices before a waiter wakes.
    this.#map.remove(operation);
    if (this.#owner.closed || operation.completion === undefined) return;
    if (refusal !== undefined && this.#compatibility === 'documented') operation.completion.store(-1);
    else operation.completion.subtract(1);
  }

  /** Exactly one ioctl for the whole range on the destination; home is told to every GPU, whatever they answer (section 5.4). */
  async #prefetch({ range, destination }: PrefetchOperation): Promise<void> {
    const { gpuAgents } = this.#agents;
    assertGpus(gpuAgents);
    const { device } = destination;
    if (device === undefined) {
      for (const agent of gpuAgents) await ignoreFailure(prefetchOn(agent, agent.device!, range, 'system'));
      return;
    }
    await prefetchOn(destination, device, range, 'device');
    if (this.#compatibility === 'rocm') return;
    // Else the GPU of an earlier prefetch would still claim the range.
    for (const other of gpuAgents) {
      if (other !== destination) await ignoreFailure(prefetchOn(other, other.device!, range, 'system'));
    }
  }
}

async function prefetchOn(agent: HsaAgent, device: SvmDevice, range: ByteRange, target: 'device' | 'system'): Promise<void> {
  if (isRefusedByWrapper(range)) throwOnFailure(agent, -EINVAL, range);
  await device.prefetchAsync(range, target);
}

async function ignoreFailure(call: Promise<void>): Promise<void> {
  await call.catch(() => undefined);
}

function rethrow(error: unknown): never {
  throw error;
}

/** Page interval `[first, end)`; page numbers are exact as numbers. */
function pagesOf({ address, size }: ByteRange): [first: number, end: number] {
  const first = Number(address >> PAGE_SHIFT);
  return [first, first + Number(size >> PAGE_SHIFT)];
}
