/** Layouts, codecs and constants of the SVM user ABI. */
export * from './constants.ts';
export * from './layout.ts';
export * from './request.ts';
export * from './profile.ts';
export * from './codec.ts';
export type { AttributePair, PointerKind, SvmCallEvent } from './call.ts';
export type { DeviceNode, PointerField, PreparedIoctl } from './node.ts';
