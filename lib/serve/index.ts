/** A served render node: real ioctls of real processes, answered by the emulator. Linux with FUSE. */
export { SvmServer } from './server.ts';
export type { ServedFile, ServeOptions, ServeStatus } from './server.ts';
export { ServeError } from './mount-point.ts';
export { askControl, controlPath, openControlSocket } from './control-socket.ts';
export type { ControlReply, ControlRequest } from './control-socket.ts';
export { GpuRequestError } from './gpu-player.ts';
export { playGpu } from './gpu-requests.ts';
