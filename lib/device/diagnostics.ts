/**
 * SVM ioctls on `node:diagnostics_channel`: `amdgpu-svm:ioctl` is a tracing channel around every one of every device.
 * Without a subscriber a call costs one comparison.
 */
import { tracingChannel } from 'node:diagnostics_channel';
import type { SvmCallNumbers } from '../uapi/call.ts';

/** Message of the tracing channel `amdgpu-svm:ioctl`; `result` is there when the call has ended. */
export interface IoctlMessage extends SvmCallNumbers {
  /** Path of the node. */
  readonly path: string;
}

const ioctls = tracingChannel('amdgpu-svm:ioctl');

/** Whether anybody listens to the ioctls. */
export function ioctlsHaveSubscribers(): boolean {
  return ioctls.hasSubscribers;
}

/** Runs `call` inside the tracing channel. */
export function publishedIoctl<T extends { readonly result: number }>(message: IoctlMessage, call: () => T): T {
  let answer: T | undefined;
  ioctls.traceSync(() => (answer = call()).result, { ...message });
  return answer!;
}

/** As `publishedIoctl`, for a call that ends later. */
export async function publishedIoctlAsync<T extends { readonly result: number }>(
  message: IoctlMessage,
  call: () => Promise<T>,
): Promise<T> {
  let answer: T | undefined;
  await ioctls.tracePromise(async () => (answer = await call()).result, { ...message });
  return answer!;
}
