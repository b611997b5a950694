/** A served render node: real ioctls of real processes, answered by the emulator. Linux with FUSE. */
export { SvmServer } from './server.ts';
export { askControl, controlPath, openControlSocket } from './control-socket.ts';
export type { ControlRequest } from './control-socket.ts';
export { playGpu } from './gpu-requests.ts';
