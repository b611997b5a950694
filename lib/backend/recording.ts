/** Where a recorder hooks in: each backend has its own way of being watched. */
import type { EmulatedDevice, EmulatedMachine, EmulatedNode } from '../../emulator/index.ts';
import type { DeviceNode, UapiProfile } from '../uapi/index.ts';
import type { HostRegionMapper } from './host-region.ts';

/** Writes what a device was asked and answered. */
export interface DeviceRecorder {
  /** Records everything on an emulated device and its process. */
  attachEmulated(machine: EmulatedMachine, node: EmulatedNode<EmulatedDevice>): void;
  /** Records what goes through a kernel node and the memory mapped for it. */
  attachKernel(
    node: DeviceNode,
    memory: HostRegionMapper,
    profile: UapiProfile,
  ): { node: DeviceNode; memory: HostRegionMapper };
  /** Completes the file. */
  close(): void;
}
