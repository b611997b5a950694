import { describe, expect, it } from 'vitest';
import { uapiProfile } from '../uapi/profile.ts';
import type { UapiProfileName } from '../uapi/profile.ts';
import { kernelXnack } from './kernel-xnack.ts';

function told(profile: UapiProfileName, gfx?: string, noretry?: number, computeVm = false): unknown[] {
  const { xnack, switchedOffByNoretry } = kernelXnack({ gfx, noretry }, uapiProfile(profile).behaviour, computeVm);
  return [xnack, switchedOffByNoretry];
}

const ON = [true, false];
const OFF = [false, false];
const SWITCHED_OFF = [false, true];
const UNTOLD = [undefined, undefined];

describe('whether a GPU of a kernel has retry faults', () => {
  it.each(['gfx90a', 'gfx942', 'gfx950'])('up to V7 %s has them whatever amdgpu.noretry is', (gfx) => {
    for (const noretry of [0, 1, -1, undefined]) {
      for (const profile of ['v4', 'v7', 'v7-xnack-off'] as const) expect(told(profile, gfx, noretry)).toEqual(ON);
    }
  });

  it('v8 asks the parameter first, for every GPU', () => {
    expect([0, 1, -1, undefined].map((noretry) => told('v8', 'gfx942', noretry))).toEqual([
      ON,
      SWITCHED_OFF,
      UNTOLD,
      UNTOLD,
    ]);
    // Of a GPU that is not in the topology: it has none, for whatever reason.
    expect(told('v8', undefined, 1)).toEqual([false, undefined]);
  });

  it('the other GPUs of gfx9 have them with amdgpu.noretry=0', () => {
    for (const profile of ['v4', 'v7', 'v7-xnack-off', 'v8'] as const)
      expect([0, 1, -1].map((noretry) => told(profile, 'gfx906', noretry))).toEqual([ON, SWITCHED_OFF, UNTOLD]);
  });

  it('GPUs before and after gfx9 have none', () => {
    for (const gfx of ['gfx803', 'gfx1030', 'gfx1100', 'gfx1201']) {
      for (const profile of ['v4', 'v7-xnack-off', 'v8'] as const) expect(told(profile, gfx, 0)).toEqual(OFF);
    }
  });

  it('a compute VM proves them where the driver makes none without', () => {
    expect(told('v8', 'gfx942', -1, true)).toEqual(ON);
    expect(told('v4', undefined, undefined, true)).toEqual(ON);
    expect(told('v7-xnack-off', undefined, undefined, true)).toEqual(UNTOLD);
  });

  it('without a topology nothing is certain but what the parameter says', () => {
    expect([0, 1, undefined].map((noretry) => told('v4', undefined, noretry))).toEqual([
      [undefined, false],
      UNTOLD,
      UNTOLD,
    ]);
  });
});
