/**
 * Where a recorder hooks in. The trace format lives above this folder, so the
 * composition root (lib/index.ts) provides the recorder; nothing here knows it.
 */
import type { EmulatedMachine, EmulatedNode } from '../../emulator/index.ts';
import type { DeviceNode, UapiProfile } from '../uapi/index.ts';
import type { HostRegionMapper } from './host-region.ts';
import { codedError } from '../uapi/errors.ts';

/** Writes what a device was asked and answered. */
export interface DeviceRecorder {
  /** Records everything on an emulated device and its process. */
  attachEmulated(machine: EmulatedMachine, node: EmulatedNode): void;
  /** Records what goes through a kernel node and the memory mapped for it. */
  attachKernel(
    node: DeviceNode,
    memory: HostRegionMapper,
    profile: UapiProfile,
  ): { node: DeviceNode; memory: HostRegionMapper };
  /** Completes the file. */
  close(): void;
}

let create: ((path: string) => DeviceRecorder) | undefined;

/** Gives the package its recorder. */
export function provideRecorder(factory: (path: string) => DeviceRecorder): void {
  create = factory;
}

/** A recorder that writes to `path`; throws the system's error if that can't be written. */
export function createRecorder(path: string): DeviceRecorder {
  if (create === undefined)
    throw codedError('ERR_SVM_NO_RECORDER', 'record: this entry point of the package has no recorder');
  return create(path);
}
