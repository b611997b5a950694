/** What the ports of kfdtest share: its parameters, its registration call, and words of memory. */
import type { SvmDevice } from '../../../device/index.ts';
import { SvmAttributeType } from '../../../uapi/constants.ts';
import type { CaseContext } from '../../framework/context.ts';
import type { Feature } from '../../framework/feature.ts';
import { parameters } from '../../framework/parameters.ts';
import type { Parameters } from '../../framework/parameters.ts';

export const {
  preferredLocation: PREFERRED,
  prefetchLocation: PREFETCH,
  access: ACCESS,
  granularity: GRANULARITY,
} = SvmAttributeType;
export const {
  hostAccess: HOST,
  coherent: COHERENT,
  gpuReadOnly: GPU_RO,
  gpuExecutable: GPU_EXEC,
  hiveLocal: HIVE_LOCAL,
  gpuReadMostly: READ_MOSTLY,
} = SvmAttributeType;

/** Node 0 of kfdtest. */
export const SYSTEM = 0;
/** The node of the GPU that is asked: a GPU has no other name in the ioctl. */
export const GPU = 1;
export const UNDEFINED = 0xffff_ffff;

export const INACCESSIBLE = 0;
export const IN_PLACE = 1;
export const ALLOW_MIGRATE = 2;

/** What RegisterSVMRange does if nothing else is said: HOST_ACCESS and COHERENT. */
const USUAL_FLAGS: readonly number[] = [HOST, COHERENT];

/** Parameters of every test of kfdtest, which runs with XNACK off and on, on each GPU. */
export type NodePoint = Readonly<Record<'xnack', 'on' | 'off'>> & Readonly<Record<'gpu', 0 | 1>>;

export function eachNode(): Parameters<NodePoint> {
  return parameters().combine('xnack', ['on', 'off']).combine('gpu', [0, 1]);
}

export function nodeFeatures({ xnack, gpu }: NodePoint): Feature[] {
  return [xnack === 'off' ? 'xnack-off' : 'retry-faults', ...(gpu === 1 ? (['two-gpus'] as const) : [])];
}

/** The GPU under test, next to those before it. */
export function openNode(t: CaseContext, { gpu }: { readonly gpu: number }): SvmDevice {
  t.setup({ gpus: gpu + 1 });
  return t.devices[gpu]!;
}

interface ByteRange {
  readonly address: bigint;
  readonly size: number;
}

/** How a range is registered. */
export interface Registration {
  /** `SYSTEM` (the default) or `GPU`. */
  readonly location?: number;
  /** Flags that are set; the others stay as they are. Default HOST_ACCESS and COHERENT. */
  readonly flags?: readonly number[];
}

/** RegisterSVMRange: one call with prefetch and preferred location, flags, and access of the GPU, in this order. Gives the result. */
export function tryRegister(
  t: CaseContext,
  range: ByteRange,
  device: SvmDevice,
  { location = SYSTEM, flags = USUAL_FLAGS }: Registration = {},
): number {
  const attributes = [
    [PREFETCH, location],
    [PREFERRED, location],
    ...flags.map((flag) => [flag, 1] as const),
    [ACCESS, ALLOW_MIGRATE],
  ] as const;
  return t.trySet(range, attributes, device);
}

/** RegisterSVMRange that has to succeed. */
export function register(t: CaseContext, range: ByteRange, device: SvmDevice, registration: Registration = {}): void {
  t.equal(tryRegister(t, range, device, registration), 0, 'result of the registration');
}

/** Little-endian u32 words as bytes. */
export function words(...values: number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

/** `count` words, word i being `at(i)`. */
export function wordsOf(count: number, at: (index: number) => number): Uint8Array<ArrayBuffer> {
  const made = new Uint32Array(count);
  for (let index = 0; index < count; index++) made[index] = at(index);
  return new Uint8Array(made.buffer);
}

/** `count` u64 numbers, number i being i + `add`. */
export function longsOf(count: number, add: number): Uint8Array<ArrayBuffer> {
  return wordsOf(2 * count, (index) => (index % 2 === 0 ? index / 2 + add : 0));
}

/** Bytes as little-endian u32 words. */
export function asWords(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.slice().buffer);
}

/** The position of the first word that is not `at(index)`; -1 if all are. */
export function firstWrong(bytes: Uint8Array, at: (index: number) => number, step = 1): number {
  const found = asWords(bytes);
  for (let index = 0; index < found.length; index += step) if (found[index] !== at(index) >>> 0) return index;
  return -1;
}
