/** The errnos that the ioctl answers with (spec/01-uapi §7), positive. */
import { Errno } from '../../uapi/errno.ts';

export const {
  EPERM,
  ENOENT,
  EINTR,
  EIO,
  EBADF,
  EAGAIN,
  ENOMEM,
  EFAULT,
  EBUSY,
  ENODEV,
  EINVAL,
  EOPNOTSUPP,
  EADDRINUSE,
} = Errno;
