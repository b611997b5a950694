// Models: nothing - what of a device and its open files is looked at here.
import type { EffectHub } from '../kernel/effect-hub.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { GpuDevice } from '../gpu/gpu-device.ts';
import type { DeviceMemory } from '../svm/device-memory.ts';
import type { GpuVm, KernelRevision, SvmContext } from '../svm/context.ts';

/** An open file: its effects make the events, its VM and context the snapshot. */
export interface ObservedFile {
  readonly effects: EffectHub;
  readonly vm: GpuVm;
  readonly context: SvmContext | null;
}

/** A device with its open files, its process and the machine's clock. */
export interface ObservedDevice {
  readonly index: number;
  readonly gpu: GpuDevice;
  /** Its VRAM, if it is registered for SVM. */
  readonly memory: DeviceMemory | null;
  readonly files: readonly ObservedFile[];
  readonly surroundings: {
    readonly process: AddressSpace;
    readonly clock: { readonly now: number };
    readonly revision: KernelRevision;
  };
}
