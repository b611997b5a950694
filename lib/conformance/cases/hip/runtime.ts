/** What the ports of the HIP catch tests share: a runtime on the devices of the case, kernels, and short ways to ask. */
import type { GpuQueue } from '../../../device/index.ts';
import { HipMemAttach, HipMemRangeAttribute, HipRuntime } from '../../../hip/index.ts';
import type { HipMemory, HipPointer, HipRuntimeOptions, HipStreamArgument } from '../../../hip/index.ts';
import type { CaseContext } from '../../framework/context.ts';
import type { Feature } from '../../framework/feature.ts';
import { parameters } from '../../framework/parameters.ts';
import type { Parameters } from '../../framework/parameters.ts';
import { distinct } from '../../support/distinct.ts';

export {
  HipMemAttach as Attach,
  HipMemLocationType as Place,
  HipMemoryAdvise as Advise,
  HipMemRangeAttribute as Attribute,
} from '../../../hip/index.ts';

export const PAGE = 4096;
/** hipCpuDeviceId */
export const CPU = -1;
/** hipInvalidDeviceId: none, or mixed. */
export const NONE = -2;
export const INVALID_VALUE = 'hipErrorInvalidValue';
export const INVALID_DEVICE = 'hipErrorInvalidDevice';
/** (offset, width) of the tests about rounding. */
export const ROUNDING = ['1024+2048', '2048+4096', '2048+8192'] as const;

export interface HipPoint {
  /** What the code does, or what the manual says. A case that ROCm fails on this interface states the failing value for 'rocm'. */
  readonly compatibility: 'rocm' | 'documented';
  readonly gpus: 1 | 2;
}

type Points<More = unknown> = Parameters<
  Readonly<Record<'compatibility', 'rocm' | 'documented'>> & Readonly<Record<'gpus', 1 | 2>> & More
>;

/** Both compatibilities, on one GPU and on two. */
export function eachHip(gpus: readonly (1 | 2)[] = [1, 2]): Points {
  return parameters().combine('compatibility', ['rocm', 'documented']).combine('gpus', gpus);
}

/** As `eachHip`, for each device, the CPU among them. */
export function eachPlace(): Points<Readonly<Record<'device', number>>> {
  return eachHip().expand('device', ({ gpus }) => (gpus === 2 ? [0, 1, CPU] : [0, CPU]));
}

/** As `eachHip`, for each GPU. */
export function eachGpu(): Points<Readonly<Record<'device', number>>> {
  return eachHip().expand('device', ({ gpus }) => (gpus === 2 ? [0, 1] : [0]));
}

export function hipFeatures({ gpus }: { readonly gpus: number }): Feature[] {
  return gpus > 1 ? ['two-gpus'] : [];
}

/** As `hipFeatures`, of discards: ROCr refuses them where a GPU has no retry faults. */
export function discardFeatures(point: { readonly gpus: number }): Feature[] {
  return ['retry-faults', ...hipFeatures(point)];
}

/** A runtime and what the originals have around it. */
export class Hip {
  readonly runtime: HipRuntime;
  readonly gpus: readonly number[];
  /** The GPUs, then the CPU. */
  readonly places: readonly number[];
  readonly isRocm: boolean;

  constructor(runtime: HipRuntime, { compatibility, gpus }: HipPoint) {
    this.runtime = runtime;
    this.gpus = Array.from({ length: gpus }, (_, index) => index);
    this.places = [...this.gpus, CPU];
    this.isRocm = compatibility === 'rocm';
  }

  managed(size: number, flags: number = HipMemAttach.global): HipMemory {
    return this.runtime.mallocManaged(size, flags);
  }

  /** One attribute of one number. */
  ask(attribute: number, pointer: HipPointer, count: number): number {
    const data = new Int32Array([12345]);
    this.runtime.memRangeGetAttribute(data, 4, attribute, pointer, count);
    return data[0]!;
  }

  /** The list of `slots` devices. */
  accessedBy(pointer: HipPointer, count: number, slots: number): number[] {
    const data = new Int32Array(slots).fill(12345);
    this.runtime.memRangeGetAttribute(data, slots * 4, HipMemRangeAttribute.accessedBy, pointer, count);
    return [...data];
  }

  /** Prefetches on the null stream and waits for the device. */
  async prefetch(pointer: HipPointer, count: number, device: number): Promise<void> {
    if (device !== CPU) this.runtime.setDevice(device);
    this.runtime.memPrefetchAsync(pointer, count, device);
    await this.runtime.deviceSynchronize();
  }

  /** A kernel of one thread for each int: output[i] = f(input[i]). */
  kernel(
    input: HipPointer,
    output: HipPointer,
    count: number,
    f: (value: number, index: number) => number,
    stream: HipStreamArgument = null,
  ): Promise<void> {
    return this.runtime.launch(stream, (queue) => mapInts(queue, addressOf(input), addressOf(output), count, f));
  }

  /** The same of floats. */
  floatKernel(
    input: HipPointer,
    output: HipPointer,
    count: number,
    f: (value: number) => number,
    stream: HipStreamArgument = null,
  ): Promise<void> {
    return this.runtime.launch(stream, async (queue) => {
      const values = new Float32Array((await queue.read(addressOf(input), count * 4)).buffer);
      await queue.write(addressOf(output), new Uint8Array(values.map(f).buffer));
    });
  }
}

/** A kernel that runs until it is let go: where the originals have one that spins on a flag. Gives what lets it go. */
export function hold({ runtime }: Hip, stream: HipStreamArgument): () => Promise<void> {
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const done = runtime.launch(stream, () => gate);
  return async () => {
    release();
    await done;
  };
}

/** Lets everything run that nothing holds up. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

async function mapInts(
  queue: GpuQueue,
  input: bigint,
  output: bigint,
  count: number,
  f: (value: number, index: number) => number,
): Promise<void> {
  const values = new Int32Array((await queue.read(input, count * 4)).buffer);
  await queue.write(output, new Uint8Array(values.map(f).buffer));
}

function addressOf(pointer: HipPointer): bigint {
  if (pointer === null || pointer === undefined) return 0n;
  return typeof pointer === 'bigint' ? pointer : pointer.address;
}

/** A runtime on all GPUs of the case; closed, with its memory, when the case has ended. */
export function openHip(t: CaseContext, point: HipPoint, options: HipRuntimeOptions = {}): Hip {
  t.setup({ gpus: point.gpus });
  return hipOn(t, point, options);
}

/** As `openHip`, for a case that did its own setup. */
export function hipOn(t: CaseContext, point: HipPoint, options: HipRuntimeOptions = {}): Hip {
  const runtime = HipRuntime.open({ devices: t.devices, compatibility: point.compatibility, ...options });
  t.onEnd(() => runtime.close());
  return new Hip(runtime, point);
}

/** `count` ints with one value, as bytes. */
export function ints(count: number, value: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new Int32Array(count).fill(value).buffer);
}

/** `count` floats with one value, as bytes. */
export function floats(count: number, value: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new Float32Array(count).fill(value).buffer);
}

/** The values that the ints have, each once, in ascending order: [10] if all are 10. */
export function valuesOf(bytes: Uint8Array): number[] {
  return distinct(new Int32Array(bytes.slice().buffer)).toSorted((one, other) => one - other);
}

/** The same of floats. */
export function floatValuesOf(bytes: Uint8Array): number[] {
  return distinct(new Float32Array(bytes.slice().buffer)).toSorted((one, other) => one - other);
}

/** '1024+2048' as offset, width, and the end of the last page that is touched. */
export function roundingOf(text: string): { offset: number; width: number; end: number } {
  const [offset, width] = text.split('+').map(Number) as [number, number];
  return { offset, width, end: Math.ceil((offset + width) / PAGE) * PAGE };
}
