/** HSA's SVM calls on top of `SvmDevice`: `import { HsaRuntime } from 'amdgpu-svm/hsa'`. */
export { HsaRuntime } from './runtime.ts';
export type { Compatibility, HsaRuntimeOptions, Release } from './options.ts';
export type { HsaAgent } from './agent.ts';
export { HSA_SIGNAL_CONDITIONS } from './signal.ts';
export type { HsaSignal, HsaSignalCondition, HsaWaitOptions } from './signal.ts';
export { HsaGlobalFlag, HsaPointerType, HsaSvmAttribute, HsaSystemInfo, HsaVmemFlag } from './constants.ts';
export type { HsaSvmAttributeName } from './constants.ts';
export { HsaError, HsaStatus } from './error.ts';
export type { HsaErrorDetails } from './error.ts';
export type { HsaSvmAttributePair, HsaSvmAttributeQuery, HsaSvmValue } from './pairs.ts';
export type { HsaPointerInfo } from './reservations.ts';
export type { HsaSvmAttributeAnswer } from './get.ts';
export { formatTraffic, formatTrafficIoctl } from '../device/traffic.ts';
export type { TrafficEvent, TrafficIoctl, TrafficListener, TrafficLog } from '../device/traffic.ts';
export { trafficObject } from '../device/traffic-output.ts';
