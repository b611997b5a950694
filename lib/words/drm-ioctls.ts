/** The ioctls of a real amdgpu render node that a served one does not have: their names, and the errno of a real node. */
import { Errno } from '../uapi/errno.ts';
import { drmCommandName, isClosedToRenderNodes } from '../uapi/ioctl-table.ts';
import { isSvmRequest } from '../uapi/profile.ts';
import type { UapiProfile } from '../uapi/profile.ts';
import { DRM_IOCTL_TYPE, splitRequest } from '../uapi/request.ts';

/** Name of an ioctl as headers have it, or its number. */
export function ioctlName(request: number, profile: UapiProfile): string {
  if (isSvmRequest(profile, request)) return 'DRM_AMDGPU_GEM_SVM';
  const { type, number } = splitRequest(request);
  const hex = `0x${request.toString(16).padStart(8, '0')}`;
  if (type !== DRM_IOCTL_TYPE) return `ioctl ${hex}`;
  return drmCommandName(number) ?? `unknown DRM ioctl ${hex}`;
}

/**
 * The negative errno for an ioctl that is not served: EACCES for commands that are closed to render nodes, EINVAL for
 * those that the driver does not have.
 */
export function ioctlRefusal(request: number): number {
  const { type, number } = splitRequest(request);
  if (type !== DRM_IOCTL_TYPE) return -Errno.ENOTTY;
  return isClosedToRenderNodes(number) ? -Errno.EACCES : -Errno.EINVAL;
}
