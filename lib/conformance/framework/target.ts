/** What the suite runs on: a kernel node or an emulated machine, and what each of them lacks. */
import { readFileSync } from 'node:fs';
import { driverVersion, SvmDevice } from '../../device/index.ts';
import type { BackendName, OpenOptions } from '../../device/index.ts';
import { EmulatedMachine } from '../../device/emulated.ts';
import type { AsicName, MachineOptions } from '../../device/emulated.ts';
import { uapiProfile } from '../../uapi/profile.ts';
import type { RevisionName, UapiProfile, UapiProfileName } from '../../uapi/profile.ts';
import { CaseSkipped } from './check.ts';
import { reasonOfFeature, revisionHas } from './feature.ts';
import type { Feature } from './feature.ts';
import { readCount } from './kernel-probes.ts';
import type { ProbeNames } from './kernel-probes.ts';

/** How the target is chosen. */
export interface TargetOptions {
  /** As for `SvmDevice.open`. Default 'auto'. */
  readonly backend?: BackendName;
  /** Render nodes, one for each GPU that a case may use. */
  readonly nodes?: readonly string[];
  readonly profile?: UapiProfileName;
  /** As for `SvmDevice.open`. */
  readonly xnackOff?: boolean;
  /** Emulated backend: name of the GPU in the catalogue. Default 'gfx942'. */
  readonly asic?: AsicName;
  /** Emulated backend: bytes of VRAM of each GPU, for the cases that do not say it themselves. Default 0. */
  readonly vram?: number;
}

/** What a report says of its target. */
export interface TargetIdentity {
  readonly backend: 'kernel' | 'ffi' | 'emulated';
  /** Why 'auto' did not take the kernel. */
  readonly fallbackReason?: string;
  /** Revision of the user ABI and of the driver. */
  readonly profile: string;
  /** Name and version of the driver, as it says them. */
  readonly driver: string;
  /** Whether the GPU has retry faults (XNACK). */
  readonly xnack: 'on' | 'off';
  /** Nodes, or the name of the emulated GPU. */
  readonly device: string;
}

/** What a case gets for its own: fresh devices, and the machine if it is emulated. */
export interface OpenedTarget {
  readonly devices: readonly SvmDevice[];
  readonly machine: EmulatedMachine | undefined;
}

/** What a case asks of the devices that are opened for it. */
export interface DeviceRequest {
  readonly gpus: number;
  /** Bytes of VRAM of each emulated GPU; a real one has what it has (feature 'vram'). */
  readonly vram?: number;
  /** True: the GPUs are in one hive (feature 'hive'). */
  readonly hive?: boolean;
  /** Other options of the emulated machine (feature 'configuration'). */
  readonly machine?: MachineOptions;
  /** False: the file has no SVM context yet (feature 'lazy-context'). */
  readonly compute?: boolean;
  /** False: no GPU work, for which a process has one file of each GPU. */
  readonly work?: boolean;
  /** File to record to. */
  readonly record?: string;
}

// What no revision has, or this package can't do, whatever the backend is.
const NOWHERE: Partial<Record<Feature, string>> = {
  'smi-events': 'the ioctl has no event stream',
  'xnack-control': 'a DRM file cannot switch XNACK',
  'registration-layer': 'the DRM interface has no register and deregister calls',
  threads: 'the threads of Node do not share mappings of the package',
  'high-addresses': 'no GPU of the catalogue takes addresses of 57 bits',
  'spin-kernel': 'the queue has no work that runs until it is told to stop',
  'atomic-operations': 'the queue has no atomic operations',
  'module-loading': 'the package loads no code objects',
  'virtual-memory-api': 'the layers have no memory handles',
};

// What the emulated process can and a program of Node cannot, with the reason.
const NOT_FROM_NODE: Partial<Record<Feature, string>> = {
  fork: 'Node cannot fork: a child of it shares no pages with it',
  'other-process': 'a second process would be a second run of the suite',
  'pinned-pages': 'a program pins no pages without a driver that does it for it',
};

const ONLY_EMULATED: readonly Feature[] = [
  'fault-handler',
  'introspection',
  'events',
  'virtual-clock',
  'deferred-work',
  'interrupt-ring',
  'preemption',
  'failure-injection',
  'configuration',
  'lazy-context',
  'bad-pointer',
  'special-mapping',
  'heap',
  'hugetlb',
  'stack',
  'process-exit',
  'buffer-objects',
  'hive',
];

/** What only a GPU with retry faults has. */
const FAULTING: ReadonlySet<Feature> = new Set([
  'retry-faults',
  'gpu-fault',
  'fault-handler',
  'interrupt-ring',
  'pageable-memory',
  'changes-invalidate',
  'changes-keep-ptes',
]);

/** What a GPU can do where it can be given work. */
export const BY_WORK: ReadonlySet<Feature> = new Set(['gpu-work', 'gpu-fault', 'pageable-memory']);

/** What was found out about a target; plain data. */
export interface FoundTarget {
  readonly identity: TargetIdentity;
  readonly options: TargetOptions;
  readonly vramIsKnown: boolean;
  /** Why the GPU can be given no work; undefined: it can. */
  readonly noWork: string | undefined;
  /** Why there is no memory of some kind or place, of those that only some backends have; undefined: there is. */
  readonly noMemory: Partial<Record<Feature, string | undefined>>;
  /** Where the faults of a kernel are counted, or why they are not. */
  readonly counts: ProbeNames | string;
}

/** What the driver of a served node says of itself. */
const SERVED = /\(emulated, revision /;

/** The device under test. Nothing stays open between two cases. */
export class Target {
  readonly identity: TargetIdentity;
  readonly #options: TargetOptions;

  /** Profile of the devices. */
  readonly profile: UapiProfile;

  readonly #found: FoundTarget;

  private constructor(found: FoundTarget) {
    this.#found = found;
    this.identity = found.identity;
    this.#options = found.options;
    this.profile = uapiProfile(found.identity.profile);
  }

  /** The same target in another process, which opens nothing to find out about it. */
  static of(found: FoundTarget): Target {
    return new Target(found);
  }

  /** The same target, whose kernel counts faults, or does not for this reason. */
  countedBy(counts: ProbeNames | string): Target {
    return new Target({ ...this.#found, counts });
  }

  /** Faults of the whole machine since they are counted (feature 'fault-counts', for a kernel). */
  countFaults(): number {
    const { counts } = this.#found;
    if (typeof counts === 'string') throw new CaseSkipped(reasonOfFeature('fault-counts', counts));
    return readCount(counts, 'faults');
  }

  /** What another process needs to know. */
  get found(): FoundTarget {
    return this.#found;
  }

  /**
   * Whether a process gets one file of a GPU to do work with, and keeps it to its end, as KFD has it: each case that needs
   * GPU work then needs a process of its own.
   */
  get bindsGpuWork(): boolean {
    return this.identity.backend === 'kernel' && this.#found.noWork === undefined;
  }

  /**
   * Chooses the target as `SvmDevice.open` does, and asks it for one attribute: a device that can't do SVM
   * throws `SvmError` (EOPNOTSUPP) or `ERR_SVM_BACKEND_UNAVAILABLE`.
   */
  static choose(options: TargetOptions = {}): Target {
    // Without a name all nodes that can be used.
    const devices =
      options.nodes === undefined
        ? SvmDevice.openAll(openOptions(options, {}))
        : [SvmDevice.open(openOptions(options, {}))];
    const device = devices[0]!;
    try {
      using memory = device.memory.map(4096);
      const { access } = device.getAttributes(memory, ['access']);
      const { backend, fallbackReason, profile } = device;
      const emulator = device.emulator;
      const nodes = options.nodes ?? devices.map(({ path }) => path);
      return new Target({
        identity: {
          backend,
          ...(fallbackReason === undefined ? {} : { fallbackReason }),
          profile: profile.name,
          driver: driverVersion(device),
          // Without retry faults nothing can be mapped when it is touched: memory begins as inaccessible.
          xnack: profile.behaviour.runsWithoutRetryFaults && access === 'inaccessible' ? 'off' : 'on',
          device: emulator === undefined ? nodes.join(', ') : emulator.gpu.model.asic,
        },
        options: emulator === undefined ? { ...options, nodes } : options,
        vramIsKnown: emulator !== undefined || device.vramInfo() !== undefined,
        noWork: whyNoWork(device),
        noMemory: emulator === undefined ? whyNoMemory(device) : {},
        counts: 'nobody asked for them',
      });
    } finally {
      for (const each of devices) each.close();
    }
  }

  /** The revision whose rules hold on these devices. */
  get revision(): RevisionName {
    return this.identity.xnack === 'on' ? this.profile.behaviour.withRetryFaults : (this.profile.name as RevisionName);
  }

  get #isServed(): boolean {
    return SERVED.test(this.identity.driver);
  }

  /** Whether pages of SVM move into the memory of GPUs that a case opens; `vram` as in its request. */
  movesPages(vram?: number): boolean {
    if (!this.profile.behaviour.movesToVram) return false;
    if (this.identity.backend === 'emulated') return (vram ?? this.#options.vram ?? 0) > 0;
    // What hardware does not tell it may have all the same; a served GPU has none then.
    return this.#found.vramIsKnown || !this.#isServed;
  }

  /** Why the target lacks the feature; undefined if it has it. */
  missing(feature: Feature): string | undefined {
    const nowhere = NOWHERE[feature];
    if (nowhere !== undefined) return nowhere;
    if (revisionHas(this.profile, feature) === false) return `${this.profile.name} has none`;
    if (feature === 'xnack-off' && this.identity.xnack === 'on')
      return this.profile.behaviour.runsWithoutRetryFaults
        ? 'XNACK is on'
        : `${this.profile.name} refuses a GPU without XNACK (EOPNOTSUPP)`;
    if (feature === 'vram' || feature === 'hive') {
      if (!this.profile.behaviour.movesToVram) return `${this.profile.name} moves no pages`;
      if (!this.#found.vramIsKnown) return 'the size of its memory cannot be read';
    }
    if (FAULTING.has(feature) && this.identity.xnack === 'off') return 'XNACK is off';
    if (this.identity.backend === 'emulated') return undefined;
    const { noWork, noMemory, counts } = this.#found;
    if (feature === 'work-after-fault')
      return noWork ?? 'the driver stops all queues of a process at a refused fault, and repeats others forever';
    if (BY_WORK.has(feature)) return noWork;
    if (feature === 'fault-counts') return typeof counts === 'string' ? counts : undefined;
    if (Object.hasOwn(noMemory, feature)) return noMemory[feature];
    if (feature === 'unmap-events')
      return this.#isServed ? 'a served node looks at the mappings of a process when it is called' : undefined;
    if (feature === 'two-gpus')
      return (this.#options.nodes?.length ?? 0) > 1 ? undefined : 'one node was given; name two with --node';
    const notFromNode = NOT_FROM_NODE[feature];
    if (notFromNode !== undefined) return notFromNode;
    return ONLY_EMULATED.includes(feature) ? `the ${this.identity.backend} backend cannot do that` : undefined;
  }

  /** Whether the device still answers: undefined, or why not. A GPU may be lost, and a server may end. */
  gone(): string | undefined {
    if (this.identity.backend === 'emulated') return undefined;
    try {
      this.openSecondFile(this.#options.nodes![0]!).close();
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** Opens fresh devices for one case. */
  open(request: DeviceRequest): OpenedTarget {
    if (this.identity.backend !== 'emulated') return { devices: this.#openNodes(request), machine: undefined };
    const machine = new EmulatedMachine({
      asic: this.#options.asic ?? 'gfx942',
      gpus: request.gpus,
      ...(this.#options.profile === undefined ? {} : { profile: this.#options.profile }),
      ...(this.#options.xnackOff === undefined ? {} : { xnackOff: this.#options.xnackOff }),
      vram: request.vram ?? this.#options.vram ?? 0,
      ...(request.hive === true ? { links: 'hive' as const } : {}),
      ...request.machine,
    });
    const devices = machine.devices.map((emulator, index) =>
      SvmDevice.open({
        backend: 'emulated',
        emulator,
        ...recordOption(request.record, index),
        ...(request.compute === false ? { compute: false } : {}),
      }),
    );
    return { devices, machine };
  }

  /** Another file of a render node, without GPU work: a process has one compute VM for each GPU. */
  openSecondFile(node: string): SvmDevice {
    return SvmDevice.open({ ...openOptions(this.#options, {}), node, kfd: 'none' });
  }

  #openNodes({ gpus, record, work = true }: DeviceRequest): SvmDevice[] {
    const devices: SvmDevice[] = [];
    try {
      for (const [index, node] of (this.#options.nodes ?? []).slice(0, gpus).entries()) {
        devices.push(
          SvmDevice.open({
            ...openOptions(this.#options, recordOption(record, index)),
            node,
            ...(work ? {} : { kfd: 'none' }),
          }),
        );
      }
    } catch (error) {
      for (const device of devices) device.close();
      throw error;
    }
    return devices;
  }
}

/** A queue is made and closed: on hardware it may be refused for many reasons, each of which is said. */
function whyNoWork(device: SvmDevice): string | undefined {
  try {
    device.createQueue().close();
    return undefined;
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_SVM_NOT_AVAILABLE') throw error;
    return (error as Error).message.replace(/^createQueue: /, '');
  }
}

/** The kinds of memory that not every kernel has, each tried out. */
function whyNoMemory(device: SvmDevice): Partial<Record<Feature, string | undefined>> {
  const tried = (options: Parameters<SvmDevice['memory']['map']>[1]): string | undefined => {
    try {
      device.memory.map(1 << 21, options).unmap();
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  };
  const free = device.memory.map(1 << 21);
  free.unmap();
  return {
    'huge-pages': tried({ hugePages: 'always' }) ?? hugePagesAreOff(),
    'address-choice': tried({ address: free.address }),
  };
}

function hugePagesAreOff(): string | undefined {
  const file = '/sys/kernel/mm/transparent_hugepage/enabled';
  try {
    return readFileSync(file, 'utf8').includes('[never]') ? `${file} is never` : undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Where a further GPU of the case is recorded, if it is not part of the recording of the first. */
export function recordingOfGpu(path: string, gpu: number): string {
  return gpu === 0 ? path : path.replace(/\.jsonl$/, `.gpu${gpu}.jsonl`);
}

function recordOption(record: string | undefined, index: number): { record?: string } {
  if (record === undefined) return {};
  return { record: recordingOfGpu(record, index) };
}

function openOptions({ backend, nodes, profile, xnackOff, asic }: TargetOptions, more: OpenOptions): OpenOptions {
  return {
    ...(backend === undefined ? {} : { backend }),
    ...(nodes?.[0] === undefined ? {} : { node: nodes[0] }),
    ...(profile === undefined ? {} : { profile }),
    ...(xnackOff === undefined ? {} : { xnackOff }),
    ...(asic === undefined ? {} : { emulator: { asic } }),
    ...more,
  };
}
