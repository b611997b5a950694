/**
 * The ioctls that a real amdgpu render node has besides those of SVM: the commands of the DRM core, of which a render
 * node allows some and refuses the others before any driver is asked, and those of the driver.
 */
import { DRM_COMMAND_BASE } from './request.ts';

/** Commands of the DRM core that a render node allows. */
const OPEN_TO_RENDER_NODES: Readonly<Record<number, string>> = {
  0x00: 'VERSION',
  0x09: 'GEM_CLOSE',
  0x0c: 'GET_CAP',
  0x2d: 'PRIME_HANDLE_TO_FD',
  0x2e: 'PRIME_FD_TO_HANDLE',
  0xbf: 'SYNCOBJ_CREATE',
  0xc0: 'SYNCOBJ_DESTROY',
  0xc1: 'SYNCOBJ_HANDLE_TO_FD',
  0xc2: 'SYNCOBJ_FD_TO_HANDLE',
  0xc3: 'SYNCOBJ_WAIT',
  0xc4: 'SYNCOBJ_RESET',
  0xc5: 'SYNCOBJ_SIGNAL',
  0xca: 'SYNCOBJ_TIMELINE_WAIT',
  0xcb: 'SYNCOBJ_QUERY',
  0xcc: 'SYNCOBJ_TRANSFER',
  0xcd: 'SYNCOBJ_TIMELINE_SIGNAL',
  0xcf: 'SYNCOBJ_EVENTFD',
  0xd1: 'SET_CLIENT_NAME',
  0xd2: 'GEM_CHANGE_HANDLE',
};

/** Commands of the DRM core that it refuses on a render node before any driver is asked. */
const CLOSED_TO_RENDER_NODES: Readonly<Record<number, string>> = {
  0x01: 'GET_UNIQUE',
  0x02: 'GET_MAGIC',
  0x05: 'GET_CLIENT',
  0x06: 'GET_STATS',
  0x07: 'SET_VERSION',
  0x0a: 'GEM_FLINK',
  0x0b: 'GEM_OPEN',
  0x0d: 'SET_CLIENT_CAP',
  0x10: 'SET_UNIQUE',
  0x11: 'AUTH_MAGIC',
  0x1e: 'SET_MASTER',
  0x1f: 'DROP_MASTER',
  0x3a: 'WAIT_VBLANK',
  0x3b: 'CRTC_GET_SEQUENCE',
  0x3c: 'CRTC_QUEUE_SEQUENCE',
  0xa0: 'MODE_GETRESOURCES',
  0xa1: 'MODE_GETCRTC',
  0xa2: 'MODE_SETCRTC',
  0xa3: 'MODE_CURSOR',
  0xa4: 'MODE_GETGAMMA',
  0xa5: 'MODE_SETGAMMA',
  0xa6: 'MODE_GETENCODER',
  0xa7: 'MODE_GETCONNECTOR',
  0xa8: 'MODE_ATTACHMODE',
  0xa9: 'MODE_DETACHMODE',
  0xaa: 'MODE_GETPROPERTY',
  0xab: 'MODE_SETPROPERTY',
  0xac: 'MODE_GETPROPBLOB',
  0xad: 'MODE_GETFB',
  0xae: 'MODE_ADDFB',
  0xaf: 'MODE_RMFB',
  0xb0: 'MODE_PAGE_FLIP',
  0xb1: 'MODE_DIRTYFB',
  0xb2: 'MODE_CREATE_DUMB',
  0xb3: 'MODE_MAP_DUMB',
  0xb4: 'MODE_DESTROY_DUMB',
  0xb5: 'MODE_GETPLANERESOURCES',
  0xb6: 'MODE_GETPLANE',
  0xb7: 'MODE_SETPLANE',
  0xb8: 'MODE_ADDFB2',
  0xb9: 'MODE_OBJ_GETPROPERTIES',
  0xba: 'MODE_OBJ_SETPROPERTY',
  0xbb: 'MODE_CURSOR2',
  0xbc: 'MODE_ATOMIC',
  0xbd: 'MODE_CREATEPROPBLOB',
  0xbe: 'MODE_DESTROYPROPBLOB',
  0xc6: 'MODE_CREATE_LEASE',
  0xc7: 'MODE_LIST_LESSEES',
  0xc8: 'MODE_GET_LEASE',
  0xc9: 'MODE_REVOKE_LEASE',
  0xce: 'MODE_GETFB2',
  0xd0: 'MODE_CLOSEFB',
};

/** Commands of amdgpu, from `DRM_COMMAND_BASE` on. */
const AMDGPU: Readonly<Record<number, string>> = {
  0x00: 'GEM_CREATE',
  0x01: 'GEM_MMAP',
  0x02: 'CTX',
  0x03: 'BO_LIST',
  0x04: 'CS',
  0x05: 'INFO',
  0x06: 'GEM_METADATA',
  0x07: 'GEM_WAIT_IDLE',
  0x08: 'GEM_VA',
  0x09: 'WAIT_CS',
  0x10: 'GEM_OP',
  0x11: 'GEM_USERPTR',
  0x12: 'WAIT_FENCES',
  0x13: 'VM',
  0x14: 'FENCE_TO_HANDLE',
  0x15: 'SCHED',
  0x16: 'USERQ',
  0x17: 'USERQ_SIGNAL',
  0x18: 'USERQ_WAIT',
  0x19: 'GEM_LIST_HANDLES',
  // The number that SVM had before this one was given to somebody else.
  0x1a: 'PROC_OPTIONS',
};

/** Name in the headers of the DRM command with that number byte; undefined for one that no amdgpu render node has. */
export function drmCommandName(number: number): string | undefined {
  const core = OPEN_TO_RENDER_NODES[number] ?? CLOSED_TO_RENDER_NODES[number];
  if (core !== undefined) return `DRM_IOCTL_${core}`;
  const command = AMDGPU[number - DRM_COMMAND_BASE];
  return command === undefined ? undefined : `DRM_AMDGPU_${command}`;
}

/** Whether the DRM core refuses the command on every render node, with EACCES. */
export function isClosedToRenderNodes(number: number): boolean {
  return Object.hasOwn(CLOSED_TO_RENDER_NODES, number);
}
