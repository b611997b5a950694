/** The guided tour: what SVM does to memory, step by step, on whatever device there is. */
import { GpuFaultError, SvmDevice, SvmError } from '../device/index.ts';
import type { GpuQueue, HostBuffer, OpenOptions } from '../device/index.ts';
import { formatTraffic, HipDeviceId, HipMemoryAdvise, HipRuntime } from '../hip/index.ts';
import { contextSnapshot, QuietEffects } from '../device/emulated.ts';
import type { ContextSnapshot, EffectSink } from '../device/emulated.ts';
import { counted } from '../words/counted.ts';

/** One step of the tour. */
export interface DemoStep {
  readonly title: string;
  /** The call, as a program would write it. */
  readonly code: string;
  /** What happened, one fact per line. */
  readonly facts: readonly string[];
}

const MIB = 1 << 20;
const PATTERN = 0x01010101;

/** Runs the tour; `show` gets each step when it is done. */
export async function runTour(options: OpenOptions, show: (step: DemoStep) => void): Promise<void> {
  const device = SvmDevice.open(options);
  try {
    const why = device.fallbackReason === undefined ? '' : ` because ${device.fallbackReason}`;
    show({
      title: 'Open a device',
      code: 'const device = SvmDevice.open();',
      facts: [`backend: ${device.backend} (${device.path})${why}`],
    });
    const buffer = device.memory.map(8 * MIB);
    show({
      title: 'Map memory: CPU and GPU will use it at the same address',
      code: 'const buffer = device.memory.map(8 << 20);',
      facts: [`8 MiB at 0x${buffer.address.toString(16)}`],
    });
    attributeSteps(device, buffer, show);
    if (device.emulator === undefined) {
      show({ title: 'GPU work', code: 'device.createQueue()', facts: [refusal(() => device.createQueue())] });
    } else {
      await gpuSteps(new Observed(device), buffer, device.createQueue(), show);
    }
    await runtimeStep(device, show);
    refusalStep(device, buffer, show);
  } finally {
    device.close();
  }
}

function attributeSteps(device: SvmDevice, buffer: HostBuffer, show: (step: DemoStep) => void): void {
  device.setAttributes(buffer, { access: 'allow-migrate', preferredLocation: 'device', gpuReadMostly: true });
  const { access, preferredLocation, gpuReadMostly, granularity } = device.getAttributes(buffer);
  show({
    title: 'Set attributes of the range, and read them back',
    code: "device.setAttributes(buffer, { access: 'allow-migrate', preferredLocation: 'device', gpuReadMostly: true });\ndevice.getAttributes(buffer);",
    facts: [
      `access ${access}, preferredLocation ${String(preferredLocation)}, gpuReadMostly ${gpuReadMostly}, granularity ${granularity} (2^${granularity} pages)`,
    ],
  });
}

async function gpuSteps(
  observed: Observed,
  buffer: HostBuffer,
  queue: GpuQueue,
  show: (step: DemoStep) => void,
): Promise<void> {
  const { device } = observed;
  await queue.fill(buffer.address, PATTERN, buffer.size);
  show({
    title: 'The GPU fills the buffer: nothing is mapped yet, so it faults pages in',
    code: 'const queue = device.createQueue();\nawait queue.fill(buffer.address, 0x01010101, buffer.size);',
    facts: [
      ...observed.take(),
      `the CPU reads 0x${buffer
        .read(4 * MIB, 1)[0]!
        .toString(16)
        .padStart(2, '0')} in the middle`,
    ],
  });

  buffer.discard(0, 4096);
  const afterDiscard = observed.take();
  await queue.read(buffer.address, 4096);
  show({
    title: 'The CPU gives one page back: its PTE is cleared before the page goes; the GPU faults a fresh one in',
    code: 'buffer.discard(0, 4096);\nawait queue.read(buffer.address, 4096);',
    facts: [...afterDiscard, ...observed.take()],
  });

  device.setAttributes(buffer.slice(0, MIB), { gpuReadOnly: true });
  show({
    title:
      'Make the first MiB read-only for the GPU: the attribute interval is split, the 2 MiB range across the border goes',
    code: 'device.setAttributes(buffer.slice(0, 1 << 20), { gpuReadOnly: true });',
    facts: [
      ...observed.take(),
      ...device
        .attributeSegments(buffer)
        .map((segment) => `attributes of ${mib(segment.size)}: gpuReadOnly ${segment.attributes.gpuReadOnly}`),
    ],
  });

  buffer.unmap(4 * MIB, 2 * MIB);
  const collected = device.emulator!.runPendingWork(observed.file) ? 'the garbage collector ran' : 'nothing to collect';
  show({
    title:
      'Unmap 2 MiB: the notifier clears the PTEs at once, the garbage collector removes range and attributes later',
    code: 'buffer.unmap(4 << 20, 2 << 20);',
    facts: [...observed.take(), collected, ...stateOf(observed.snapshot())],
  });

  show({
    title: 'The GPU touches what is not there any more',
    code: 'await queue.read(buffer.address + (4n << 20n), 4096);',
    facts: [await rejection(queue.read(buffer.address + BigInt(4 * MIB), 4096))],
  });
}

/** What a program of ROCm would call, and what reaches the device. */
async function runtimeStep(device: SvmDevice, show: (step: DemoStep) => void): Promise<void> {
  const facts: string[] = [];
  const hip = HipRuntime.open({ devices: [device] });
  try {
    hip.traffic.on((event) => facts.push(formatTraffic(event)));
    const memory = hip.mallocManaged(MIB);
    hip.memAdvise(memory, MIB, HipMemoryAdvise.setPreferredLocation, 0);
    hip.memAdvise(memory, MIB, HipMemoryAdvise.setReadMostly, 0);
    hip.memPrefetchAsync(memory, MIB, 0);
    await hip.deviceSynchronize();
    hip.memPrefetchAsync(memory, MIB, HipDeviceId.cpu);
    await hip.deviceSynchronize();
  } finally {
    hip.close();
  }
  show({
    title: "The same in HIP's words: each call, and the ioctls that it causes",
    code: [
      'const hip = HipRuntime.open({ devices: [device] });',
      'hip.traffic.on((event) => console.log(formatTraffic(event)));',
      'const memory = hip.mallocManaged(1 << 20);',
      'hip.memAdvise(memory, memory.size, HipMemoryAdvise.setPreferredLocation, 0);',
      'hip.memAdvise(memory, memory.size, HipMemoryAdvise.setReadMostly, 0);',
      'hip.memPrefetchAsync(memory, memory.size, 0);',
      'hip.memPrefetchAsync(memory, memory.size, HipDeviceId.cpu);',
    ].join('\n'),
    facts,
  });
}

function refusalStep(device: SvmDevice, buffer: HostBuffer, show: (step: DemoStep) => void): void {
  show({
    title: 'Wrong input is refused with the rule that it breaks',
    code: 'device.setAttributes({ address: buffer.address + 1n, size: 4096 }, { coherent: true });',
    facts: [refusal(() => device.setAttributes({ address: buffer.address + 1n, size: 4096 }, { coherent: true }))],
  });
}

/** Collects what happens on the emulated device between two steps. */
class Observed {
  readonly device: SvmDevice;
  readonly file;
  #counts = new Map<string, number>();

  constructor(device: SvmDevice) {
    this.device = device;
    const emulated = device.emulator!;
    this.file = emulated.files[emulated.files.length - 1]!;
    const count = (name: string, by = 1): void => void this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
    const heard: Partial<EffectSink> = {
      notifierInserted: () => count('notifier registered (512 MiB window)'),
      notifierRemoved: () => count('notifier removed'),
      rangeInserted: (_page, pages) => count(`GPU range made, ${mib(BigInt(pages) << 12n)}`),
      rangeRemoved: (_page, pages) => count(`GPU range removed, ${mib(BigInt(pages) << 12n)}`),
      ptesWritten: (_page, pages) => count('PTE written', pages),
      ptesZapped: (_page, pages) => count('PTE cleared', pages),
      tlbFlushed: () => count('TLB flush'),
      collectionQueued: () => count('range queued for the garbage collector'),
      hazard: (quirk, detail) => count(`hazard ${quirk}: ${detail}`),
    };
    this.file.effects.add(Object.assign(new QuietEffects(), heard));
  }

  take(): string[] {
    const facts = [...this.#counts].map(([name, count]) => `${count} x ${name}`);
    this.#counts = new Map();
    return facts;
  }

  snapshot(): ContextSnapshot {
    return contextSnapshot(this.device.emulator!, this.file);
  }
}

function stateOf(snapshot: ContextSnapshot): string[] {
  const mapped = snapshot.ptes.reduce((sum, run) => sum + run.pages, 0);
  return [
    `now: ${counted(snapshot.attributes.length, 'attribute interval')}, ${counted(snapshot.ranges.length, 'GPU range')}, ${counted(mapped, 'PTE')}, ${counted(snapshot.counters.faults, 'fault')} so far`,
  ];
}

function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return error instanceof SvmError ? `SvmError ${error.message}` : String(error);
  }
  return 'it was accepted';
}

async function rejection(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof GpuFaultError ? `GpuFaultError: ${error.message}` : String(error);
  }
  return 'it was served';
}

function mib(bytes: bigint): string {
  return bytes >= BigInt(MIB) ? `${Number(bytes) / MIB} MiB` : `${Number(bytes) / 1024} KiB`;
}
