/**
 * Ioctl request numbers (spec/01-uapi §1), composed as `_IOC` of the Linux
 * generic ABI does: direction (2 bits), size (14 bits), type (8), number (8).
 */
import { DRM_VERSION_LAYOUT } from './layout.ts';

const DIRECTION_READ_WRITE = 3;
/** Type byte of all ioctls of DRM devices, 'd'. */
export const DRM_IOCTL_TYPE = 0x64;

/** First number byte of driver-private commands; below it are those of the DRM core. */
export const DRM_COMMAND_BASE = 0x40;

/** Request number `DRM_IOWR(number, size)`; `size` in bytes, below 16384. Unsigned 32 bits. */
export function drmReadWriteRequest(number: number, size: number): number {
  return ((DIRECTION_READ_WRITE << 30) | (size << 16) | (DRM_IOCTL_TYPE << 8) | number) >>> 0;
}

/** The three parts of a request number that the DRM core looks at. */
export function splitRequest(request: number): { type: number; number: number; size: number; direction: number } {
  return {
    type: (request >>> 8) & 0xff,
    number: request & 0xff,
    size: (request >>> 16) & 0x3fff,
    direction: request >>> 30,
  };
}

/** `DRM_IOCTL_VERSION` for 64-bit callers, 0xC0406400: the identity of a DRM driver. */
export const DRM_IOCTL_VERSION: number = drmReadWriteRequest(0x00, DRM_VERSION_LAYOUT.size);
