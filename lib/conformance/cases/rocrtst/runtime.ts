/** What the ports of rocrtst share: a runtime on the devices of the case, and short ways to set and ask. */
import type { HostBuffer } from '../../../device/index.ts';
import { HsaRuntime, HsaSvmAttribute } from '../../../hsa/index.ts';
import type { HsaAgent, HsaRuntimeOptions, HsaSvmAttributePair } from '../../../hsa/index.ts';
import type { CaseContext } from '../../framework/context.ts';
import type { Feature } from '../../framework/feature.ts';
import { parameters } from '../../framework/parameters.ts';
import type { Parameters } from '../../framework/parameters.ts';

const COMPATIBILITIES = ['rocm', 'documented'] as const;

export interface RuntimePoint {
  readonly compatibility: (typeof COMPATIBILITIES)[number];
  readonly gpus: 1 | 2;
}

/** The parameters of every port: what the code does or the header promises, and the number of GPUs. */
export function eachRuntime(): Parameters<
  Readonly<Record<'compatibility', 'rocm' | 'documented'>> & Readonly<Record<'gpus', 1 | 2>>
> {
  return parameters().combine('compatibility', COMPATIBILITIES).combine('gpus', [1, 2]);
}

export function runtimeFeatures({ gpus }: { readonly gpus: number }): Feature[] {
  return gpus > 1 ? ['two-gpus'] : [];
}

/** As `runtimeFeatures`, of discards: ROCr refuses them where a GPU has no retry faults. */
export function discardFeatures(point: { readonly gpus: number }): Feature[] {
  return ['retry-faults', ...runtimeFeatures(point)];
}

/** A runtime on all GPUs; closed when the case has ended. */
export function openRuntime(
  t: CaseContext,
  { compatibility, gpus }: RuntimePoint,
  options: HsaRuntimeOptions = {},
): HsaRuntime {
  t.setup({ gpus });
  const runtime = HsaRuntime.open({ devices: t.devices, compatibility, ...options });
  t.onEnd(() => runtime.close());
  return runtime;
}

interface ByteRange {
  readonly address: bigint;
  readonly size: number;
}

export function pair(attribute: number, value: HsaSvmAttributePair['value']): HsaSvmAttributePair {
  return { attribute, value };
}

/** The name of the agent that the attribute names, or null; a number as it is. */
export function ask(runtime: HsaRuntime, { address, size }: ByteRange, attribute: number): string | number | null {
  const { value } = runtime.svmAttributesGet(address, size, [{ attribute }])[0]!;
  return typeof value === 'object' && value !== null ? value.name : value;
}

const ACCESS_WORDS: Readonly<Record<number, string>> = {
  [HsaSvmAttribute.agentAccessible]: 'accessible',
  [HsaSvmAttribute.agentAccessibleInPlace]: 'in-place',
  [HsaSvmAttribute.agentNoAccess]: 'none',
  [HsaSvmAttribute.accessQuery]: 'unanswered',
};

/** The access of an agent, in a word. */
export function accessOf(runtime: HsaRuntime, { address, size }: ByteRange, agent: HsaAgent): string | undefined {
  return ACCESS_WORDS[
    runtime.svmAttributesGet(address, size, [{ attribute: HsaSvmAttribute.accessQuery, value: agent }])[0]!.attribute
  ];
}

/** Prefetches and waits for the completion. */
export async function prefetch(runtime: HsaRuntime, { address, size }: ByteRange, agent: HsaAgent): Promise<void> {
  const done = runtime.createSignal(1);
  runtime.svmPrefetchAsync(address, size, agent, [], done);
  await done.wait('lt', 1);
}

/** Reserved addresses, with the size that was asked for. */
export interface Region {
  readonly address: bigint;
  readonly size: number;
  readonly memory: HostBuffer;
  /** The same in whole pages, for the ioctl. */
  readonly pages: { readonly address: bigint; readonly size: number };
}

/** `hsa_amd_vmem_address_reserve` with NO_REGISTER. */
export function reserve(runtime: HsaRuntime, size: number): Region {
  const memory = runtime.vmemAddressReserve(size);
  const { address } = memory;
  return { address, size, memory, pages: { address, size: memory.size } };
}
