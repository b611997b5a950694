/** HIP's managed memory on top of `SvmDevice`: `import { HipRuntime } from 'amdgpu-svm/hip'`. */
export { HipRuntime } from './runtime.ts';
export type { HipMemRangeAttributes } from './runtime.ts';
export type { HipMemInfo, HipPointerAttributes } from './device-calls.ts';
export { HIP_COMPATIBILITIES, HIP_RELEASES } from './options.ts';
export type { HipCompatibility, HipRelease, HipRuntimeOptions } from './options.ts';
export {
  HipDeviceAttribute,
  HipDeviceId,
  HipHmmFlag,
  HipHostMalloc,
  HipHostRegister,
  HipMemAttach,
  HipMemcpyKind,
  HipMemLocationType,
  HipMemoryAdvise,
  HipMemoryType,
  HipMemRangeAttribute,
  HipMemRangeCoherencyMode,
  HipStreamFlag,
} from './constants.ts';
export type { HipMemLocation } from './constants.ts';
export { HipError, HipStatus } from './error.ts';
export { HipMemory } from './memory.ts';
export type { HipMemoryKind } from './memory.ts';
export { HipEvent, HipExecutionContext, HipStream } from './stream.ts';
export type { HipStreamArgument } from './stream-table.ts';
export type { HipPointer } from './arguments.ts';
export { formatTraffic, formatTrafficIoctl } from '../device/traffic.ts';
export type { TrafficEvent, TrafficIoctl, TrafficListener, TrafficLog } from '../device/traffic.ts';
export { trafficObject } from '../device/traffic-output.ts';
