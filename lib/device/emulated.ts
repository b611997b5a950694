/** What layers above the device need of the emulator besides `SvmDevice.emulator`: the catalogue and pictures of the state. */
export { contextSnapshot, EmulatedMachine, formatGcVersion, formatHazard, GPU_CATALOGUE, machineOf, QuietEffects } from '../../emulator/index.ts';
export type { AsicName, ContextSnapshot, EffectSink, Hazard, MachineOptions } from '../../emulator/index.ts';
