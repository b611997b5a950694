/** What layers above the device need of the emulator besides `SvmDevice.emulator`: the catalogue and pictures of the state. */
export { contextSnapshot, EmulatedMachine, formatGcVersion, GPU_CATALOGUE } from '../../emulator/index.ts';
export type { AsicName, ContextSnapshot } from '../../emulator/index.ts';
