// Models: the ioctls a real amdgpu render node has besides those of SVM - by name only, so that asking for one says so.

const CORE: Readonly<Record<number, string>> = {
  0x01: 'DRM_IOCTL_GET_UNIQUE',
  0x02: 'DRM_IOCTL_GET_MAGIC',
  0x09: 'DRM_IOCTL_GEM_CLOSE',
  0x0c: 'DRM_IOCTL_GET_CAP',
  0x0d: 'DRM_IOCTL_SET_CLIENT_CAP',
  0x2d: 'DRM_IOCTL_PRIME_HANDLE_TO_FD',
  0x2e: 'DRM_IOCTL_PRIME_FD_TO_HANDLE',
  0xbf: 'DRM_IOCTL_SYNCOBJ_CREATE',
  0xc0: 'DRM_IOCTL_SYNCOBJ_DESTROY',
  0xc3: 'DRM_IOCTL_SYNCOBJ_WAIT',
};

const AMDGPU: readonly string[] = [
  'GEM_CREATE',
  'GEM_MMAP',
  'CTX',
  'BO_LIST',
  'CS',
  'INFO',
  'GEM_METADATA',
  'GEM_WAIT_IDLE',
  'GEM_VA',
  'WAIT_CS',
];

/** Name of a DRM ioctl that exists on a real node but is not modelled; undefined for a number nobody has. */
export function unmodelledIoctlName(number: number): string | undefined {
  const command = AMDGPU[number - 0x40];
  return command === undefined ? CORE[number] : `DRM_IOCTL_AMDGPU_${command}`;
}
