// Models: nothing - it is how the emulation says that something is outside of it.

/** Thrown for everything the emulation does not model, with its name: never a silent success. */
export class NotModelledError extends Error {
  readonly code = 'ERR_SVM_NOT_MODELLED';
  /** Name of what was asked for. */
  readonly feature: string;

  constructor(feature: string, detail = '') {
    super(`not modelled by the emulator: ${feature}${detail === '' ? '' : ` (${detail})`}`);
    this.name = 'NotModelledError';
    this.feature = feature;
  }
}
