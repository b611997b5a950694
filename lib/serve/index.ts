/** A served render node: real ioctls of real processes, answered by the emulator. Linux with FUSE. */
export { nodeCount, SvmServer } from './server.ts';
export { controlPath, openControlSocket } from './control-socket.ts';
export { playGpu } from './gpu-requests.ts';
export { inPrivateNamespace } from './private-namespace.ts';
export type { ServedPlaces } from './private-namespace.ts';
export { writeTopology } from './kfd/topology-tree.ts';
