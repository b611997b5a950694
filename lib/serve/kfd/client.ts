/** A client as KFD sees it, and what KFD needs of the server. */
import type { EmulatedDevice, EmulatedMachine, EmulatedNode, SdmaMemory } from '../../../emulator/index.ts';

/** Memory of the client; throws (EFAULT) where there is none. */
interface ClientMemory {
  read(address: bigint, target: Uint8Array): void;
  write(address: bigint, source: Uint8Array): void;
  /** Numbers of the descriptors of a file, ascending. */
  descriptorsOf(file: { readonly dev: number; readonly ino: number }): number[];
}

/** A render node that the client has open. */
export interface KfdFile {
  /** Counts up over the life of the server. */
  readonly number: number;
  /** Index of the GPU. */
  readonly gpu: number;
  readonly node: EmulatedNode<EmulatedDevice>;
}

/** A client process with its machine. */
export interface KfdClient {
  readonly pid: number;
  readonly machine: EmulatedMachine;
  readonly process: ClientMemory;
  readonly files: ReadonlySet<KfdFile>;
  /** True once the address space is gone. */
  readonly exited: boolean;
  /** Brings the machine to the present, as far as these bytes and the GPU ranges go; without them, all of it. */
  refresh(address?: bigint, size?: bigint): void;
  /** The same for what was mapped or unmapped in these bytes. */
  look(address: bigint, size: bigint): void;
  /** Whether the client can read and write a served file's memory at the address. */
  hasMapped(address: bigint): boolean;
}

/** What a KFD needs of the server. */
export interface KfdSurroundings {
  /** The served directory. */
  readonly mount: string;
  /**
   * The helper keeps, or forgets, what is written to a file (its index; that of kfd is the number of GPUs), and notices
   * who touches doorbells.
   */
  keep(file: number, offset: bigint, bytes: number, isDoorbells?: boolean): void;
  forget(file: number, offset: bigint): void;
  /** Calls `touched` for doorbells of this session, until what it returns is called. */
  hearTouches(touched: () => void): () => void;
  /** Offset in the file kfd of doorbells that nobody has. */
  nextDoorbells(): bigint;
  complain(line: string): void;
}

/** A GPU as one process has it. */
export interface ServedGpu {
  readonly index: number;
  /** KFD's id. */
  readonly id: number;
  /** Offset of its doorbells in the file kfd. */
  readonly doorbells: bigint;
  /** The file whose VM is the compute VM. */
  file: KfdFile | undefined;
  /** What its engines see. */
  view: SdmaMemory | undefined;
}
