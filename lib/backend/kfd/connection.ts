/** From a render node to its compute VM: which GPU of KFD it is, and KFD's ioctls in their order (spec/kfd-queue §2, §3, §9). */
import { basename } from 'node:path';
import type { KfdHandle, NativeAddon } from '../../../native/native.d.ts';
import { nameOf, NativeKfdPort } from './native-port.ts';
import type { KfdPort } from './port.ts';
import { KFD_TOPOLOGY, readKfdTopology } from './topology.ts';
import type { KfdGpu } from './topology.ts';

/** Where KFD is; the defaults are those of Linux. */
export interface KfdPlace {
  /** The device file, '/dev/kfd'. */
  readonly kfd?: string | undefined;
  readonly topology?: string | undefined;
}

/** A render node that is open, as far as KFD is concerned. */
export interface KfdNode {
  /** Its path, whose last part names the node where it is no device. */
  readonly path: string;
  /** Minor number of the device; undefined: it is a served file. */
  readonly renderMinor: number | undefined;
  /** Makes its GPU address space a compute VM; 0 or a negative errno. */
  acquire(kfd: KfdHandle, gpuId: number): number;
}

const SUPPORTED_MAJOR = 1;

/** A node whose GPU address space is a compute VM. */
export class KfdConnection {
  readonly gpu: KfdGpu;
  readonly #addon: NativeAddon;
  readonly #kfd: KfdHandle;

  private constructor(addon: NativeAddon, kfd: KfdHandle, gpu: KfdGpu) {
    this.#addon = addon;
    this.#kfd = kfd;
    this.gpu = gpu;
  }

  /** Acquires the VM, before any SVM ioctl on that file; else the sentence why it has none. */
  static open(addon: NativeAddon, node: KfdNode, place: KfdPlace = {}): KfdConnection | string {
    const gpu = kfdGpuOf(node, place);
    if (typeof gpu === 'string') return gpu;
    const kfd = openKfd(addon, place.kfd);
    if (typeof kfd === 'string') return kfd;
    const result = node.acquire(kfd, gpu.gpuId);
    if (result < 0) {
      addon.kfdClose(kfd);
      return `KFD makes no compute VM of this file: ${ACQUIRE_REFUSALS[nameOf(result)] ?? nameOf(result)}`;
    }
    // Of shaders only: a GPU that cannot switch, and a process with queues, are refused, and lose nothing here.
    addon.kfdSetXnack(kfd, 1);
    return new KfdConnection(addon, kfd, gpu);
  }

  /** An SDMA queue. Throws `ERR_SVM_NOT_AVAILABLE`. */
  createPort(): KfdPort {
    return new NativeKfdPort(this.#addon, this.#kfd, this.gpu.hostAtomics);
  }

  /** Closes KFD once the last queue has gone. The VM lives as long as the process. */
  close(): void {
    this.#addon.kfdClose(this.#kfd);
  }
}

/** Opens KFD and checks its version; else why it cannot be used. */
function openKfd(addon: NativeAddon, path = '/dev/kfd'): KfdHandle | string {
  const opened = addon.kfdOpen(path);
  if (!('handle' in opened)) {
    const name = nameOf(opened.errno);
    if (opened.call !== 'open') return `${path} is no KFD: ${opened.call} failed with ${name}`;
    return `${path} cannot be opened: ${OPEN_REFUSALS[name] ?? name}`;
  }
  if (opened.major === SUPPORTED_MAJOR) return opened.handle;
  addon.kfdClose(opened.handle);
  return `${path} speaks version ${opened.major}.${opened.minor} of KFD's interface, and only ${SUPPORTED_MAJOR}.x is known here`;
}

/** Why KFD cannot be used by this user, '' if it can: for those who only want to know. */
export function kfdRefusal(addon: NativeAddon, path?: string): string {
  const kfd = openKfd(addon, path);
  if (typeof kfd === 'string') return kfd;
  addon.kfdClose(kfd);
  return '';
}

/** The GPU of the node in KFD's topology, or why it cannot be told. */
export function kfdGpuOf(
  { path, renderMinor }: Pick<KfdNode, 'path' | 'renderMinor'>,
  { topology = KFD_TOPOLOGY }: KfdPlace,
): KfdGpu | string {
  const minor = renderMinor ?? Number(/^renderD(\d+)$/.exec(basename(path))?.[1] ?? -1);
  const { gpus, leftOut, reason } = readKfdTopology(topology);
  if (reason !== '') return reason;
  const gpu = gpus.find((each) => each.renderMinor === minor);
  if (gpu !== undefined) return gpu;
  const hidden = leftOut.map(({ node, reason: why }) => `; node ${node} was left out: ${why}`).join('');
  return `KFD's topology has no GPU with the render node ${minor < 0 ? path : `renderD${minor}`}${hidden}`;
}

const OPEN_REFUSALS: Readonly<Record<string, string>> = {
  ENOENT: 'there is none; the kernel was built without KFD, or the container has no --device /dev/kfd',
  EACCES: 'this user may not; it belongs to the group render',
  EPERM: 'KFD takes no 32-bit programs, and the device cgroup of a container may forbid it',
  EAGAIN: 'KFD is locked while a GPU is being reset',
};

const ACQUIRE_REFUSALS: Readonly<Record<string, string>> = {
  EBUSY:
    'this process has bound another file to that GPU, and KFD keeps it until the process ends; open the device once in a process',
  EINVAL: 'the file has done GPU work of another kind before, or its GPU is not in the topology (EINVAL)',
  EOPNOTSUPP: 'retry faults (XNACK) are off on this boot; boot with amdgpu.noretry=0 (EOPNOTSUPP)',
};
