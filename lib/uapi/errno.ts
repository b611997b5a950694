// Models: errno values of Linux (asm-generic), as the kernel code returns them (spec/01-uapi §7).

/** Errno numbers by name; the modelled code returns them negated. */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOTTY: 25,
  ETIME: 62,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  EHWPOISON: 133,
} as const;
/** Name of an errno. */
export type ErrnoName = keyof typeof Errno;

const MESSAGES: Readonly<Record<ErrnoName, string>> = {
  EPERM: 'operation not permitted',
  ENOENT: 'no such file or directory',
  ESRCH: 'no such process',
  EINTR: 'interrupted system call',
  EIO: 'input/output error',
  EBADF: 'bad file descriptor',
  EAGAIN: 'resource temporarily unavailable',
  ENOMEM: 'cannot allocate memory',
  EACCES: 'permission denied',
  EFAULT: 'bad address',
  EBUSY: 'device or resource busy',
  EEXIST: 'file exists',
  ENODEV: 'no such device',
  EINVAL: 'invalid argument',
  ENOTTY: 'inappropriate ioctl for device',
  ETIME: 'timer expired',
  EOPNOTSUPP: 'operation not supported',
  EADDRINUSE: 'address already in use',
  EHWPOISON: 'memory page has hardware error',
};

/** Name of a positive or negative errno number, or undefined for one the model never returns. */
export function errnoName(errno: number): ErrnoName | undefined {
  const positive = Math.abs(errno);
  for (const name of Object.keys(Errno) as ErrnoName[]) {
    if (Errno[name] === positive) return name;
  }
  return undefined;
}

/** Text of an errno name, in the words of strerror. */
export function errnoMessage(name: ErrnoName): string {
  return MESSAGES[name];
}
