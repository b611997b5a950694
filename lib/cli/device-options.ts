/** Options that name a device, as several commands take them. Undefined stays undefined: the option was not given. */
import { GPU_CATALOGUE } from '../device/emulated.ts';
import type { AsicName } from '../device/emulated.ts';
import { BACKENDS } from '../device/index.ts';
import type { BackendName } from '../device/index.ts';
import { isProfileName, UAPI_PROFILES } from '../uapi/profile.ts';
import type { UapiProfileName } from '../uapi/profile.ts';
import { UsageError } from './usage-error.ts';

/** `--backend`; throws `UsageError` for a name that is none. */
export function backendOption(command: string, backend: string | undefined): BackendName | undefined {
  if (backend !== undefined && !(BACKENDS as readonly string[]).includes(backend)) {
    throw new UsageError(`${command}: --backend: expected one of ${BACKENDS.join(', ')}, got "${backend}"`);
  }
  return backend as BackendName | undefined;
}

/** `--asic`, a GPU of the catalogue; throws `UsageError` for a name that is none. */
export function asicOption(command: string, asic: string | undefined): AsicName | undefined {
  if (asic !== undefined && !Object.hasOwn(GPU_CATALOGUE, asic)) {
    throw new UsageError(`${command}: --asic: expected one of ${Object.keys(GPU_CATALOGUE).join(', ')}, got "${asic}"`);
  }
  return asic as AsicName | undefined;
}

/** Names for `--profile`, as a help text lists them. */
export const PROFILE_NAMES: string = Object.keys(UAPI_PROFILES).join(', ');

/** `--profile`, a revision of the user ABI; throws `UsageError` for a name that is none. */
export function profileOption(command: string, profile: string | undefined): UapiProfileName | undefined {
  if (profile === undefined || isProfileName(profile)) return profile;
  throw new UsageError(`${command}: --profile: expected one of ${PROFILE_NAMES}, got "${profile}"`);
}
