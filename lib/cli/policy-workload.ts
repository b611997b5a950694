/** One access pattern under several policies of where memory lies, on a machine where things take time (docs/cost.md). */
import { EmulatedMachine } from '../device/emulated.ts';
import type { CostOption, CostTotals } from '../device/emulated.ts';
import { SvmDevice } from '../device/index.ts';
import type { GpuQueue } from '../device/index.ts';
import { RESIDENCY } from './policies.ts';
import type { PatternName, PolicyName } from './policies.ts';

const MIB = 2 ** 20;
/** Where the memory lies: aligned to what one fault moves. */
const BASE = 0x1000_0000_0000n;
/** One in so many windows is a hot one: an eighth. */
const HOT_PART = 8;
/** Sizes are MiB. */
export interface WorkloadSettings {
  readonly cost: CostOption;
  readonly pattern: PatternName;
  readonly size: number;
  readonly vram: number;
  readonly window: number;
  readonly passes: number;
  /** After each pass the CPU reads a page of each window. */
  readonly cpuReads: boolean;
  readonly repairs: 'all' | readonly string[];
}

/** What became of the pattern; without the first writes of the CPU. */
export interface PolicyResult {
  readonly policy: PolicyName;
  /** Virtual time, waits included. */
  readonly nanoseconds: number;
  /** Faults of the GPU. */
  readonly faults: number;
  readonly cpuFaults: number;
  readonly evictions: number;
  readonly bytes: CostTotals['bytes'];
  /** Nanoseconds by what they were spent on; 'waiting': until a faulted access was repeated, or pages might leave. */
  readonly spent: Readonly<Record<string, number>>;
}

/** Numbers of the windows in the order of the work of one pass. */
export function orderOfPass(pattern: PatternName, windows: number, pass: number): number[] {
  const order = Array.from({ length: windows }, (_, index) => index);
  if (pattern === 'hot') return order.flatMap((window) => [window, window % Math.ceil(windows / HOT_PART)]);
  if (pattern === 'sequential') return order;
  let seed = pass + 1;
  for (let left = windows; left > 1; left--) {
    // A linear congruential generator (Numerical Recipes); its upper bits are the better ones.
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((seed / 2 ** 32) * left);
    [order[left - 1], order[other]] = [order[other]!, order[left - 1]!];
  }
  return order;
}

/** Runs the pattern on a machine of its own. */
export async function runPolicy(policy: PolicyName, settings: WorkloadSettings): Promise<PolicyResult> {
  const { cost, size, vram, repairs } = settings;
  const machine = new EmulatedMachine({
    profile: 'v8',
    vram: vram * MIB,
    cost,
    repairs,
    policies: {
      oneShotPrefetch: policy === 'one-shot',
      minimumResidency: policy === 'residency' ? RESIDENCY : 0,
    },
  });
  using device = SvmDevice.open({ emulator: machine.devices[0]! });
  const memory = { address: BASE, size: size * MIB };
  machine.process.mmap(memory);
  machine.process.touch(memory.address, memory.size, true);
  const before = machine.costTotals!.machine;
  const start = machine.clock.now;
  prepare(device, policy, memory);
  await runPasses(machine, device, policy, settings);
  return difference(policy, before, machine.costTotals!.machine, machine.clock.now - start);
}

function prepare(device: SvmDevice, policy: PolicyName, memory: { address: bigint; size: number }): void {
  device.setAttributes(memory, { access: 'allow-migrate' });
  if (policy === 'no-prefetch' || policy === 'residency') device.setAttributes(memory, { preferredLocation: 'device' });
  if (policy === 'prefetch-once' || policy === 'one-shot') device.prefetch(memory, 'device');
}

async function runPasses(
  machine: EmulatedMachine,
  device: SvmDevice,
  policy: PolicyName,
  { pattern, size, window, passes, cpuReads }: WorkloadSettings,
): Promise<void> {
  const queue: GpuQueue = device.createQueue();
  const windows = size / window;
  const addressOf = (index: number): bigint => BASE + BigInt(index * window * MIB);
  for (let pass = 0; pass < passes; pass++) {
    for (const index of orderOfPass(pattern, windows, pass)) {
      const part = { address: addressOf(index), size: window * MIB };
      if (policy === 'prefetch-window') device.prefetch(part, 'device');
      await queue.fill(part.address, pass, part.size);
    }
    for (let index = 0; cpuReads && index < windows; index++) machine.process.touch(addressOf(index), 1, false);
  }
  await queue.close();
}

function difference(policy: PolicyName, before: CostTotals, after: CostTotals, nanoseconds: number): PolicyResult {
  const count = (kind: keyof CostTotals['kinds']): number => after.kinds[kind].count - before.kinds[kind].count;
  const spent: Record<string, number> = Object.fromEntries(
    Object.entries(after.kinds).map(([kind, sum]) => [
      kind,
      sum.nanoseconds - before.kinds[kind as keyof CostTotals['kinds']].nanoseconds,
    ]),
  );
  const waiting = nanoseconds - (after.nanoseconds - before.nanoseconds);
  return {
    policy,
    nanoseconds,
    faults: after.faults - before.faults,
    cpuFaults: count('cpu-fault'),
    evictions: count('eviction'),
    // Bytes are moved and accessed by the passes alone.
    bytes: after.bytes,
    spent: { ...spent, waiting },
  };
}
