/** Prefetches from the call to the completion signal (spec/hsa §5). */
import type { SvmDevice } from '../device/svm-device.ts';
import type { ByteRange } from '../uapi/range.ts';
import type { AgentTable, HsaAgent } from './agent.ts';
import type { AsyncCalls } from './async-calls.ts';
import type { Compatibility } from './options.ts';
import { assertGpus, EINVAL, throwOnFailure } from './gpu-call.ts';
import { isRefusedByWrapper } from './arguments.ts';
import { lastPrefetchNode, PrefetchMap } from './prefetch-map.ts';
import type { HsaSignal } from './signal.ts';

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
  readonly #calls: AsyncCalls;
  readonly #compatibility: Compatibility;
  readonly #map = new PrefetchMap<PrefetchOperation>();

  constructor(agents: AgentTable, calls: AsyncCalls, compatibility: Compatibility) {
    this.#agents = agents;
    this.#calls = calls;
    this.#compatibility = compatibility;
  }

  /** Takes the pages at once; runs when the dependencies allow it, and never in this call. */
  issue(operation: PrefetchOperation): void {
    const { range, destination, dependencies, completion, call } = operation;
    this.#map.issue(...pagesOf(range), operation);
    this.#calls.issue({
      call,
      completion,
      ready: () => inTurn(dependencies),
      run: () => this.move(range, destination),
      // Queries turn from the map to the devices before a waiter wakes.
      ended: () => this.#map.remove(operation),
    });
  }

  /** Where the range was last sent, or null for nowhere or mixed. `askHole` asks the devices. */
  lastDestination(range: ByteRange, askHole: (hole: ByteRange) => number | undefined): HsaAgent | null {
    const view = this.#map.view(...pagesOf(range));
    const node = lastPrefetchNode(view, this.#compatibility === 'rocm', (first, end) =>
      askHole({ address: BigInt(first) << PAGE_SHIFT, size: BigInt(end - first) << PAGE_SHIFT }),
    );
    return node === undefined ? null : this.#agents.ofNode(node);
  }

  /** Exactly one ioctl for the whole range on the destination; home is told to every GPU, whatever they answer (spec/hsa §5.4). */
  async move(range: ByteRange, destination: HsaAgent): Promise<void> {
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

/** The last signal first, then towards the front, each looked at when its turn comes. */
async function inTurn(dependencies: readonly HsaSignal[]): Promise<void> {
  for (const dependency of dependencies.toReversed()) await dependency.wait('eq', 0);
}

async function prefetchOn(
  agent: HsaAgent,
  device: SvmDevice,
  range: ByteRange,
  target: 'device' | 'system',
): Promise<void> {
  if (isRefusedByWrapper(range)) throwOnFailure(agent, -EINVAL, range, { operation: 'prefetch', records: [] });
  await device.prefetchAsync(range, target);
}

async function ignoreFailure(call: Promise<void>): Promise<void> {
  await call.catch(() => undefined);
}

/** Page interval `[first, end)`; page numbers are exact as numbers. */
function pagesOf({ address, size }: ByteRange): [first: number, end: number] {
  const first = Number(address >> PAGE_SHIFT);
  return [first, first + Number(size >> PAGE_SHIFT)];
}
