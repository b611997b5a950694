/** What layers above the device need of the emulator besides `SvmDevice.emulator`: the catalogue and pictures of the state. */
export { contextSnapshot, EmulatedMachine, errnoName, formatGcVersion, GPU_CATALOGUE, machineOf, NotModelledError, QuietEffects } from '../../emulator/index.ts';
export type { AsicName, ContextSnapshot, EffectSink, MachineOptions } from '../../emulator/index.ts';
