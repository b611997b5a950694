/** What the tests of the HSA layer share: a machine of some GPUs, a runtime on it, and its traffic as numbers. */
import { afterEach } from 'vitest';
import { EmulatedMachine } from '../../emulator/index.ts';
import type { MachineOptions } from '../../emulator/index.ts';
import { HsaError, HsaRuntime, HsaSvmAttribute } from '../../lib/hsa/index.ts';
import type {
  HsaAgent,
  HsaRuntimeOptions,
  HsaSvmAttributePair,
  HsaSvmAttributeQuery,
  TrafficEvent,
} from '../../lib/hsa/index.ts';
import { SvmDevice } from '../../lib/index.ts';

export const PAGE = 4096;

/** A runtime on an emulated machine. */
export class HsaRig {
  readonly machine: EmulatedMachine;
  readonly devices: readonly SvmDevice[];
  readonly runtime: HsaRuntime;
  readonly events: TrafficEvent[] = [];

  constructor(gpus: number, options: Omit<HsaRuntimeOptions, 'devices'> = {}, machine: MachineOptions = {}) {
    this.machine = new EmulatedMachine({ ...machine, gpus: Math.max(gpus, 1) });
    this.devices = this.machine.devices.slice(0, gpus).map((emulator) => SvmDevice.open({ emulator }));
    this.runtime = HsaRuntime.open({ ...options, devices: this.devices });
    this.runtime.traffic.on((event) => this.events.push(event));
  }

  /** Maps `pages` pages of fresh memory. */
  map(pages = 1): bigint {
    return this.machine.process.mmap({ size: pages * PAGE });
  }

  /** The ioctls since the last call: 'GPU0: 5:0 2:2', a get marked with '?', in order. */
  traffic(): string[] {
    const ioctls = this.events.splice(0).flatMap((event) => event.ioctls);
    return ioctls.map(({ gpu, operation, attributes }) => {
      const records = attributes.map(({ type, value }) => (operation === 0 ? `${type}:${hex(value)}` : `${type}?`));
      return `${gpu}: ${records.join(' ')}`;
    });
  }

  /** Values of attribute types of a range, straight from one device. */
  raw(gpu: number, address: bigint, size: number, ...types: number[]): number[] {
    const attributes = types.map((type) => ({ type, value: 0 }));
    return this.devices[gpu]!.svmIoctl({ operation: 1, address, size, attributes }).attributes.map(
      ({ value }) => value,
    );
  }

  /** The answer of one attribute over `size` bytes. */
  value(address: bigint, size: number, attribute: number): unknown {
    return this.runtime.svmAttributesGet(address, size, [{ attribute }])[0]!.value;
  }

  /** The access that `agent` has to a page, as the attribute that would give it. */
  access(address: bigint, agent: HsaAgent): number {
    const query = { attribute: HsaSvmAttribute.accessQuery, value: agent };
    return this.runtime.svmAttributesGet(address, PAGE, [query])[0]!.attribute;
  }

  /** Sets `[attribute, value]` pairs on some pages; the ioctls of it are not kept. */
  set(address: bigint, pages: number, ...pairs: [number, HsaSvmAttributePair['value']][]): void {
    this.runtime.svmAttributesSet(
      address,
      pages * PAGE,
      pairs.map(([attribute, value]) => ({ attribute, value })),
    );
    this.traffic();
  }

  /** Answers of some pages, in the order of the questions: a value, or the attribute for a question about access. */
  get(address: bigint, pages: number, ...queries: (number | [number, HsaSvmAttributeQuery['value']])[]): unknown[] {
    const asked = queries.map((query) =>
      typeof query === 'number' ? { attribute: query } : { attribute: query[0], value: query[1]! },
    );
    return this.runtime
      .svmAttributesGet(address, pages * PAGE, asked)
      .map(({ attribute, value }) => (attribute >= HsaSvmAttribute.agentAccessible ? attribute : value));
  }

  close(): void {
    this.runtime.close();
    for (const device of this.devices) device.close();
  }
}

/** How a test file makes its rigs: each has the `defaults` too, and is closed after the test. */
export function hsaRigs(
  defaults: Omit<HsaRuntimeOptions, 'devices'> = {},
): (gpus: number, options?: Omit<HsaRuntimeOptions, 'devices'>, machine?: MachineOptions) => HsaRig {
  const rigs: HsaRig[] = [];
  afterEach(() => {
    for (const rig of rigs.splice(0)) rig.close();
  });
  return (gpus, options = {}, machine = {}) => {
    const rig = new HsaRig(gpus, { ...defaults, ...options }, machine);
    rigs.push(rig);
    return rig;
  };
}

/** A pair of an attribute and its value. */
export function pairOf(attribute: number | bigint, value: HsaSvmAttributePair['value']): HsaSvmAttributePair {
  return { attribute, value } as HsaSvmAttributePair;
}

/** The HsaError that `action` throws. */
export function refusal(action: () => unknown): HsaError {
  try {
    action();
  } catch (error) {
    if (error instanceof HsaError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

function hex(value: number): string {
  return value > 0xffff ? `0x${value.toString(16)}` : String(value);
}
