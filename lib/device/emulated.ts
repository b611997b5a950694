/** What layers above the device need of the emulator besides `SvmDevice.emulator`: the catalogue and pictures of the state. */
export {
  contextSnapshot,
  EmulatedMachine,
  errnoName,
  formatGcVersion,
  formatHazard,
  GPU_CATALOGUE,
  NotModelledError,
  holdsIn,
  QUIRK_CATALOGUE,
  QuietEffects,
  xnackOffRefusal,
} from '../../emulator/index.ts';
export type {
  AccessResult,
  AsicName,
  ContextSnapshot,
  EffectSink,
  EmulatedDevice,
  EventName,
  FailurePoint,
  Hazard,
  MachineEvent,
  MachineOptions,
  PreemptionPoint,
  VmaKind,
} from '../../emulator/index.ts';
