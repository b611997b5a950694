/** Where a recorder hooks in: each backend has its own way of being watched. */
import type { EmulatedDevice, EmulatedMachine, EmulatedNode } from '../../emulator/index.ts';
import type { DeviceNode, UapiProfile } from '../uapi/index.ts';
import type { HostRegionMapper } from './host-region.ts';
import type { GpuQueue } from './queue.ts';

/** The ways to a kernel device that are recorded. */
export interface RecordedAccess {
  readonly node: DeviceNode;
  readonly memory: HostRegionMapper;
  /** The same queue, recorded. */
  readonly queue: (queue: GpuQueue) => GpuQueue;
}

/** Writes what a device was asked and answered. */
export interface DeviceRecorder {
  /** Records everything on an emulated device and its process. */
  attachEmulated(machine: EmulatedMachine, node: EmulatedNode<EmulatedDevice>): void;
  /** Records what goes through a kernel node, the memory mapped for it, and its queues. */
  attachKernel(node: DeviceNode, memory: HostRegionMapper, profile: UapiProfile): RecordedAccess;
  /** Completes the file. */
  close(): void;
}
