/** Writes the operations of a short trace, in page numbers. */
import type { PreemptionPoint } from '../../../emulator/index.ts';
import { SvmAttributeType } from '../../uapi/constants.ts';
import type { OperationObject } from '../operations/descriptor.ts';

export const T = SvmAttributeType;
/** Page number of V: aligned to 2 MiB and to the window of a notifier. */
export const V = 0x40000;
/** Pages of 2 MiB and 1 MiB. */
export const [BLOCK, MIB] = [512, 256];

export type Pair = readonly [type: number, value: number];

/** An entry of `fail` (spec/trace-format-v7 §2): the passage of a point that fails. */
interface Failure {
  readonly at: string;
  readonly nth?: number;
  /** A negative errno. */
  readonly err: number;
}

/** Byte address of a page number. */
function at(page: number | bigint): string {
  return `0x${(BigInt(page) * 4096n).toString(16)}`;
}

/** Operations in the order in which they are asked for. */
export class TraceScript {
  readonly operations: OperationObject[] = [];

  map(page: number, pages: number, prot = 'rw', kind = 'anon'): void {
    this.add({ mmap: { addr: at(page), len: at(pages), prot, kind } });
  }

  unmap(page: number, pages: number): void {
    this.add({ munmap: { addr: at(page), len: at(pages) } });
  }

  protect(page: number, pages: number, prot: string): void {
    this.add({ mprotect: { addr: at(page), len: at(pages), prot } });
  }

  discard(page: number, pages: number): void {
    this.add({ dontneed: { addr: at(page), len: at(pages) } });
  }

  touch(page: number, pages: number, write = true): void {
    this.add({ touch: { addr: at(page), len: at(pages), write } });
  }

  /** The CPU writes `value` to each page. */
  store(page: number, pages: number, value = 7): void {
    this.add({ store: { addr: at(page), len: at(pages), value } });
  }

  load(page: number, pages = 1): void {
    this.add({ load: { addr: at(page), len: at(pages) } });
  }

  /** The GPU writes `value` to each page. */
  gpuStore(page: number, pages: number, value: number): void {
    this.add({ access: { addr: at(page), len: at(pages), write: true, value } });
  }

  /** The GPU reads what is in the pages. */
  gpuLoad(page: number, pages = 1): void {
    this.add({ access: { addr: at(page), len: at(pages), write: false, vals: true } });
  }

  /** Pages with contents, in one interval whose preferred location is the GPU. */
  preferred(page = V, pages = BLOCK, kind = 'anon'): void {
    this.map(page, pages, 'rw', kind);
    this.store(page, pages);
    this.set(page, pages, [T.preferredLocation, 1]);
  }

  /** The region of the catalogue: mapped read/write and written by the CPU. */
  region(page = V, pages = BLOCK): void {
    this.map(page, pages);
    this.touch(page, pages);
  }

  set(page: number, pages: number, ...attrs: readonly Pair[]): void {
    this.add({ set: { addr: at(page), size: at(pages), attrs } });
  }

  get(page: number, pages: number, ...types: readonly number[]): void {
    this.add({ get: { addr: at(page), size: at(pages), types } });
  }

  reset(page: number, pages: number): void {
    this.add({ reset: { addr: at(page), size: at(pages) } });
  }

  /** An SVM ioctl as it is, start and size in bytes; the operation is 0 SET, 1 GET, 2 RESET, or none that there is. */
  ioctl(op: number, start: bigint, size: bigint, ...attrs: readonly Pair[]): void {
    const [addr, bytes] = [start, size].map((each) => `0x${each.toString(16)}`);
    this.add({ ioctl: { op, addr, size: bytes, nattr: attrs.length, ptr: 'ok', attrs } });
  }

  bufferObject(page: number, pages: number): void {
    this.add({ bomap: { addr: at(page), len: at(pages) } });
  }

  /** A region with one interval that covers it. */
  registered(pages = BLOCK): void {
    this.region(V, pages);
    this.set(V, pages, [T.access, 2]);
  }

  /** ... mapped on the GPU for writing, later than the recent-mapping window. */
  mapped(pages = BLOCK): void {
    this.registered(pages);
    this.access(V, pages, true);
    this.later();
  }

  prefetch(pages = BLOCK): void {
    this.set(V, pages, [T.prefetchLocation, 1]);
  }

  fault(page: number, write = false, ts?: number): void {
    this.add({ fault: { addr: at(page), write, ...(ts === undefined ? {} : { ts: `0x${ts.toString(16)}` }) } });
  }

  access(page: number, pages = 1, write = false): void {
    this.add({ access: { addr: at(page), len: at(pages), write } });
  }

  /** More than the 2 ms of the recent-mapping window pass. */
  later(): void {
    this.add({ advance: { ns: 3_000_000 } });
  }

  gc(): void {
    this.add({ gc: {} });
  }

  /** The interrupt ring holds faults up to the timestamp `ts`. */
  interrupts(ts: number): void {
    this.add({ ih: { ring: 'soft', pending: true, ts: `0x${ts.toString(16)}` } });
  }

  add(operation: OperationObject): void {
    this.operations.push(operation);
  }

  /** What `outer` writes last meets `inner` at the `nth` passage of `point`. */
  during(point: PreemptionPoint, inner: () => void, outer: () => void, nth = 1): void {
    outer();
    const begin = this.operations.length;
    inner();
    const nested = this.operations.splice(begin);
    this.#extend(
      'inject',
      nested.map((operation) => ({ at: point, nth, do: operation })),
    );
  }

  /** The last operation is one of GPU `gpu`. */
  onGpu(gpu: number): void {
    const operation = this.operations.pop()!;
    const [[name, fields]] = Object.entries(operation) as [[string, Readonly<Record<string, unknown>>]];
    this.operations.push({ [name]: { ...fields, gpu } });
  }

  /** The last operation meets these failures. */
  failing(...failures: readonly Failure[]): void {
    this.#extend('fail', failures);
  }

  #extend(field: string, more: readonly object[]): void {
    const operation = this.operations.pop()!;
    const [[name, fields]] = Object.entries(operation) as [[string, Readonly<Record<string, unknown>>]];
    const before = (fields[field] ?? []) as readonly object[];
    this.operations.push({ [name]: { ...fields, [field]: [...before, ...more] } });
  }
}
