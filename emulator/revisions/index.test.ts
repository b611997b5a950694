import { describe, expect, it } from 'vitest';
import { UAPI_PROFILES } from '../../lib/uapi/profile.ts';
import type { UapiProfileName } from '../../lib/uapi/profile.ts';
import { EmulatedMachine } from '../machine.ts';
import { kernelRevision } from './index.ts';

describe('the revisions of the driver', () => {
  it('are one for each profile, with the user ABI of that profile', () => {
    for (const [name, profile] of Object.entries(UAPI_PROFILES)) {
      expect(kernelRevision(name as UapiProfileName).uapi).toBe(profile);
    }
  });

  it('are chosen by the profile of a machine; an unknown one is refused with the known ones', () => {
    const machine = new EmulatedMachine({ profile: 'v4' });
    expect(machine.devices[0]!.surroundings.revision).toBe(kernelRevision('v4'));
    expect(() => new EmulatedMachine({ profile: 'v3' as 'v4' })).toThrow(
      expect.objectContaining({
        name: 'RangeError',
        code: 'ERR_SVM_UNKNOWN_PROFILE',
        message: expect.stringContaining('"v3"; known: v4'),
      }),
    );
  });
});
