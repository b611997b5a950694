/** One client process: an emulated machine whose memory is that of the client. */
import { EmulatedMachine } from '../../emulator/index.ts';
import type { EmulatedDevice, EmulatedNode, MachineOptions } from '../../emulator/index.ts';
import { EmulatedQueue } from '../backend/queue-emulated.ts';
import type { GpuQueue } from '../backend/queue.ts';
import { ClientProcess } from './client-process.ts';
import type { Caller } from './client-process.ts';
import { Protection } from '../uapi/protection.ts';
import { KfdProcess } from './kfd/process.ts';
import type { KfdSurroundings } from './kfd/client.ts';
import { ClientMaps } from './client-maps.ts';

/** An event that a look at the client's mappings has brought to light. */
export interface ClientEvent {
  readonly name: 'UNMAP' | 'PROTECTION' | 'RELEASE';
  readonly address: bigint;
  readonly size: bigint;
}

/** Gets the events. */
export interface ClientEventListener {
  (client: Client, event: ClientEvent): void;
  /** Whether somebody reads about them. */
  readonly isWatched: boolean;
}

/** A file that the client has open. */
export interface ClientFile {
  /** Counts up over the life of the server. */
  readonly number: number;
  readonly client: Client;
  /** Index of the GPU. */
  readonly gpu: number;
  readonly node: EmulatedNode<EmulatedDevice>;
  readonly queue: GpuQueue;
}

/** Beyond the addresses of every process. */
const LAST_PAGE = 2 ** 45;

/** Where KFD is served next to the nodes. */
export interface ServedPlace extends KfdSurroundings {
  /** Number of the mounted file system, as /proc/PID/maps writes it. */
  readonly device: string;
}

/** The machine of one process; its GPUs are those that the server serves. */
export class Client {
  readonly process: ClientProcess;
  readonly machine: EmulatedMachine;
  readonly files = new Set<ClientFile>();
  readonly #onEvent: ClientEventListener;
  readonly #maps: ClientMaps;
  #time: bigint = process.hrtime.bigint();
  #exited = false;
  readonly #served: ServedPlace | undefined;
  /** Open files of KFD. */
  kfdFiles = 0;
  #kfd: KfdProcess | undefined;

  /** Throws a system error when the process cannot be looked into, and `ClientIdentityError`. */
  constructor(caller: Caller, options: MachineOptions, onEvent: ClientEventListener, served?: ServedPlace) {
    this.#served = served;
    this.process = new ClientProcess(caller);
    this.#maps = new ClientMaps(this.process, served?.device);
    this.#onEvent = onEvent;
    // The client's kernel has merged already what it merges.
    this.machine = new EmulatedMachine({ ...options, vmaMerge: false });
    this.machine.process.space.contents.foreign = this.process;
    this.refresh();
  }

  get pid(): number {
    return this.process.pid;
  }

  /** True once the address space is gone; its files may still be open in other processes. */
  get exited(): boolean {
    return this.#exited;
  }

  /** KFD of this process, made when it is opened first. */
  get kfd(): KfdProcess {
    return (this.#kfd ??= new KfdProcess(this, this.#served!));
  }

  /** Whether the client can read and write a served file's memory at the address. */
  hasMapped(address: bigint): boolean {
    const page = Number(address >> 12n);
    if (this.#isServed(page)) return true;
    // It may have been mapped since the last look.
    this.#lookAtPages(page, page + 1);
    return this.#isServed(page);
  }

  #isServed(page: number): boolean {
    const area = this.#maps.at(page);
    if (area === undefined || this.#served === undefined) return false;
    const both = Protection.read | Protection.write;
    return area.backing.startsWith(`${this.#served.device}:`) && (area.protection & both) === both;
  }

  openFile(number: number, gpu: number): ClientFile {
    const device = this.machine.devices[gpu]!;
    // Where KFD is served it makes the compute VMs, as it does on hardware.
    const node = device.open({ compute: this.#served === undefined });
    const queue = new EmulatedQueue(device, node.file, this.machine.clock, () => node.closed);
    const file: ClientFile = { number, client: this, gpu, node, queue };
    this.files.add(file);
    return file;
  }

  /** Closes a file; true when it was the last one, the client has ended then. */
  closeFile(file: ClientFile): boolean {
    if (!this.files.delete(file)) return false;
    this.#kfd?.fileClosed(file);
    file.node.close();
    return this.closeIfUnused();
  }

  /** Lets go of the process when no file is open; says whether it did. */
  closeIfUnused(): boolean {
    if (this.files.size + this.kfdFiles > 0) return false;
    this.#kfd?.close();
    this.#kfd = undefined;
    this.#maps.close();
    this.process.close();
    return true;
  }

  /**
   * Brings the machine to the present: time passes, what the process did to its
   * mappings becomes notifier events, and the work that those queued has run, as
   * it would have on a machine where all this happens by itself. With `address` and `size` the
   * mappings of these bytes and of all GPU ranges are looked at, else all mappings.
   */
  refresh(address?: bigint, size = 1n): void {
    const now = process.hrtime.bigint();
    this.machine.clock.advance(Number(now - this.#time));
    this.#time = now;
    if (address === undefined) this.#lookAtAll();
    else {
      this.#lookAtRanges();
      this.#lookAtPages(...pagesOf(address, size));
    }
    this.machine.runDueWork();
  }

  /** Looks at the mappings of some bytes alone, after `refresh`. */
  look(address: bigint, size: bigint): void {
    this.#lookAtPages(...pagesOf(address, size));
    this.machine.runDueWork();
  }

  #lookAtAll(): void {
    if (this.#exited) return;
    const found = this.#maps.lookAtAll();
    if (found === 'gone') return this.#exit();
    if (found === 'same') return;
    const { calls } = this.machine.process;
    for (const { startPage, endPage } of found.vanished) {
      const [address, size] = bytesOf(startPage, endPage);
      this.#onEvent(this, { name: 'UNMAP', address, size });
      calls.munmap(address, size);
    }
    for (const { startPage, endPage, protection } of found.reprotected) {
      const [address, size] = bytesOf(startPage, endPage);
      this.#onEvent(this, { name: 'PROTECTION', address, size });
      calls.mprotect(address, size, protection);
    }
    this.machine.process.space.adopt(found.areas);
  }

  /** Looks at some pages. */
  #lookAtPages(startPage: number, endPage: number): void {
    let isAsked = false;
    this.#lookAt(() => {
      if (isAsked) return undefined;
      isAsked = true;
      return { startPage, endPage };
    });
  }

  /** Looks at the pages of all GPU ranges, whose notifiers would hear of changes. */
  #lookAtRanges(): void {
    for (const { node } of this.files) {
      const framework = node.file.context?.framework;
      if (framework === undefined || framework.ranges.size === 0) continue;
      this.#lookAt((lookedTo) => framework.findRange(lookedTo, Number.POSITIVE_INFINITY));
    }
  }

  #lookAt(next: Parameters<ClientMaps['lookAt']>[0]): void {
    if (this.#exited) return;
    // Who wants to hear of events hears of all, also of memory that no GPU knows.
    if (this.#onEvent.isWatched) return this.#lookAtAll();
    const { space } = this.machine.process;
    const found = this.#maps.lookAt(next, (added) => space.adopt(added.areas, added.startPage, added.endPage));
    if (found === 'gone') this.#exit();
    else if (found === 'all') this.#lookAtAll();
  }

  #exit(): void {
    this.#exited = true;
    this.#onEvent(this, { name: 'RELEASE', address: 0n, size: 0n });
    this.machine.process.exit();
  }
}

/** `[start, end)`; what lies beyond the addresses of every process is nobody's. */
function pagesOf(address: bigint, size: bigint): [startPage: number, endPage: number] {
  return [Number(address >> 12n), Math.min(Number((address + size + 0xfffn) >> 12n), LAST_PAGE)];
}

function bytesOf(startPage: number, endPage: number): [address: bigint, size: bigint] {
  return [BigInt(startPage) << 12n, BigInt(endPage - startPage) << 12n];
}
