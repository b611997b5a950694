/** An emulated machine with one open file, and the SVM ioctl as the DRM core hands it to the driver: raw u32 fields. */
import { EmulatedMachine } from 'amdgpu-svm/emulator';
import type { EmulatedDevice, EmulatedFile, MachineOptions } from 'amdgpu-svm/emulator';
import { OperationKind } from './operations.ts';
import type { OperationList } from './operations.ts';
import { SvmAttributeType, SvmOperation } from 'amdgpu-svm';

/** First page of the scenes: where a 64-bit Linux process has its mappings. */
export const BASE_PAGE = 0x7_f000_0000;

/** Machine, device and file, with a reusable attribute request of one record. */
export class Scene {
  readonly machine: EmulatedMachine;
  readonly device: EmulatedDevice;
  readonly file: EmulatedFile;
  readonly #args = { startLow: 0, startHigh: 0, sizeLow: 0, sizeHigh: 0, operation: 0, attributeCount: 1 };
  readonly #bytes = new Uint8Array(8);
  readonly #memory = { bytes: this.#bytes };

  constructor(options: MachineOptions = {}) {
    this.machine = new EmulatedMachine({ asic: 'gfx942', ...options });
    this.device = this.machine.devices[0]!;
    this.file = this.device.openFile();
  }

  /** Maps `pages` anonymous pages from `page` on. */
  map(page: number, pages: number): void {
    check(this.machine.process.calls.mmap(BigInt(page) << 12n, BigInt(pages) << 12n, 3, 'anon'));
  }

  unmap(page: number, pages: number): void {
    check(this.machine.process.calls.munmap(BigInt(page) << 12n, BigInt(pages) << 12n));
  }

  /** The CPU writes to `pages` pages from `page` on. */
  touch(page: number, pages: number): void {
    check(this.machine.process.calls.touch(BigInt(page) << 12n, BigInt(pages) << 12n, true).result);
  }

  /** SET_ATTR of gpuReadMostly, a flag without an effect on PTEs. */
  set(page: number, pages: number, flag: number): void {
    this.#call(SvmOperation.setAttributes, SvmAttributeType.gpuReadMostly, page, pages, flag);
  }

  /** SET_ATTR of the preferred location: this GPU. */
  prefer(page: number, pages: number): void {
    this.#call(SvmOperation.setAttributes, SvmAttributeType.preferredLocation, page, pages, 1);
  }

  /** GET_ATTR of gpuReadMostly. */
  get(page: number, pages: number): number {
    this.#call(SvmOperation.getAttributes, SvmAttributeType.gpuReadMostly, page, pages, 0);
    return this.#bytes[4]!;
  }

  /** A GPU fault for writing at a byte address, as the interrupt handler passes it on. */
  fault(address: bigint): void {
    check(this.device.raiseFault({ address, write: true }));
  }

  /** Runs the garbage collector. */
  collect(): void {
    this.device.runPendingWork(this.file);
  }

  /** Runs `count` operations of `list` from `from` on, around its end; the sum of what GETs gave. */
  run(list: OperationList, from: number, count: number): number {
    const { kinds, pages, counts, types, values, addresses, sizes, length } = list;
    const { calls } = this.machine.process;
    let sum = 0;
    let index = from;
    for (let left = count; left > 0; left--) {
      switch (kinds[index]) {
        case OperationKind.set:
          this.#call(SvmOperation.setAttributes, types[index]!, pages[index]!, counts[index]!, values[index]!);
          break;
        case OperationKind.get:
          this.#call(SvmOperation.getAttributes, types[index]!, pages[index]!, counts[index]!, 0);
          sum += this.#bytes[4]!;
          break;
        case OperationKind.fault:
          this.fault(addresses[index]!);
          break;
        case OperationKind.map:
          check(calls.mmap(addresses[index]!, sizes[index]!, 3, 'anon'));
          break;
        case OperationKind.unmap:
          check(calls.munmap(addresses[index]!, sizes[index]!));
          break;
        case OperationKind.collect:
          this.collect();
          break;
        default:
          this.device.finaliseContext(this.file);
          this.file.convertToCompute();
      }
      if (++index === length) index = 0;
    }
    return sum;
  }

  #call(operation: number, type: number, page: number, pages: number, value: number): void {
    const args = this.#args;
    args.startLow = (page << 12) >>> 0;
    args.startHigh = Math.floor(page / 0x10_0000);
    args.sizeLow = pages << 12;
    args.sizeHigh = Math.floor(pages / 0x10_0000);
    args.operation = operation;
    const bytes = this.#bytes;
    bytes[0] = type;
    bytes[4] = value;
    check(this.file.svmCall(args, this.#memory));
  }
}

function check(result: number): void {
  if (result !== 0) throw new Error(`a call of the benchmark failed with ${result}`);
}
