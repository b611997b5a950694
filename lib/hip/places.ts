/** Places that memory can be sent to, as agents of HSA. */
import type { HsaAgent } from '../hsa/index.ts';
import { HipHmmFlag, HipMemLocationType } from './constants.ts';
import type { HipMemLocation } from './constants.ts';
import type { HipState } from './state.ts';

/** Whether the type is one of those that mean a CPU. */
export function isCpuLocation({ type }: Required<HipMemLocation>): boolean {
  return (
    type === HipMemLocationType.host ||
    type === HipMemLocationType.hostNuma ||
    type === HipMemLocationType.hostNumaCurrent
  );
}

/** The agent of a location whose device was checked. */
export function agentOf(state: HipState, location: Required<HipMemLocation>): HsaAgent {
  const toSystem = (state.options.hmmFlags & HipHmmFlag.enableSystemMemory) !== 0;
  return isCpuLocation(location) || toSystem ? state.cpuAgent(location) : state.hsa.gpuAgents[location.id]!;
}
