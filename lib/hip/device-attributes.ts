/** `hipDeviceGetAttribute`, as far as managed memory is concerned (spec/hip §1). */
import { backendOf } from '../device/svm-device.ts';
import { show, typeError } from '../uapi/errors.ts';
import { HipDeviceAttribute } from './constants.ts';
import { invalidValue } from './error.ts';
import type { HipState } from './state.ts';

const PREFIX = 'hipDeviceAttribute';

/** 1 or 0. hipErrorInvalidDevice, hipErrorInvalidValue for what is not asked here. */
export function deviceAttribute(state: HipState, attribute: unknown, device: number): number {
  state.assertOpen();
  if (typeof attribute !== 'string')
    throw typeError('ERR_SVM_INVALID_TYPE', `attribute: expected a name of HipDeviceAttribute, got ${show(attribute)}`);
  state.assertDevice('device', device);
  const name = attribute.startsWith(PREFIX) ? attribute : PREFIX + attribute;
  // Only a GPU that shares the CPU's memory is reached by the CPU in place.
  const isApu = backendOf(state.devices[device]!).abilities.apu ?? false;
  switch (name) {
    case HipDeviceAttribute.managedMemory:
    case HipDeviceAttribute.concurrentManagedAccess:
      return Number(state.hmm);
    case HipDeviceAttribute.pageableMemoryAccess:
      return Number(state.pageable);
    case HipDeviceAttribute.pageableMemoryAccessUsesHostPageTables:
    case HipDeviceAttribute.directManagedMemAccessFromHost:
      return Number(isApu);
    default:
      throw invalidValue(`attribute: unknown attribute ${show(attribute)}`);
  }
}
