import { describe, expect, it } from 'vitest';
import { gpuModel } from './catalogue.ts';
import { formatGcVersion, gcNumber, parseGcVersion } from './gc-version.ts';
import { GpuDevice } from './gpu-device.ts';
import { defaultGranularity, isXnackEnabled } from './xnack.ts';

function device(
  gc: string,
  noretry: boolean,
  settings: { sriovXnack?: boolean; defaultGranularity?: number } = {},
): GpuDevice {
  const model = { ...gpuModel('gfx942'), gc: parseGcVersion(gc), noretry };
  return new GpuDevice(model, {
    numaNodes: 1,
    mtypeLocal: 0,
    defaultGranularity: 9,
    sriovXnack: true,
    xnackOff: false,
    ...settings,
  });
}

// GC version -> XNACK with retry allowed, and with no-retry (spec/06-lifecycle §3).
const table = {
  '8.1.0': [false, false],
  '9.0.0': [false, false],
  '9.0.1': [true, false],
  '9.1.0': [true, false],
  '9.2.1': [true, false],
  '9.2.2': [true, false],
  '9.3.0': [true, false],
  '9.4.0': [true, false],
  '9.4.1': [true, false],
  '9.4.2': [true, true],
  '9.4.3': [true, true],
  '9.4.4': [true, true],
  '9.5.0': [true, true],
  '9.4.5': [true, false],
  '9.5.1': [true, false],
  '10.0.9': [true, false],
  '10.1.0': [true, false],
  '10.1.1': [false, false],
  '10.3.0': [false, false],
  '11.0.0': [false, false],
  '11.5.3': [false, false],
  '12.0.0': [false, false],
  '12.0.1': [false, false],
} as const;

describe('XNACK', () => {
  for (const [gc, expected] of Object.entries(table)) {
    it(`of GC ${gc} is ${expected[0] ? 'on' : 'off'}, with no-retry ${expected[1] ? 'on' : 'off'}`, () => {
      expect([isXnackEnabled(device(gc, false)), isXnackEnabled(device(gc, true))]).toEqual(expected);
    });

    it(`of GC ${gc} is off where the virtualisation layer says so`, () => {
      expect(isXnackEnabled(device(gc, false, { sriovXnack: false }))).toBe(false);
    });
  }
});

describe('GC versions', () => {
  it('are ordered part by part', () => {
    const ordered = ['8.255.255', '9.0.1', '9.1.0', '9.4.3', '9.4.4', '9.5.0', '10.0.0', '10.1.1', '12.0.1'].map((gc) =>
      gcNumber(parseGcVersion(gc)),
    );
    expect([...ordered].sort((left, right) => left - right)).toEqual(ordered);
  });

  it('are read and written in one form', () => {
    expect(formatGcVersion(parseGcVersion('9.4.3'))).toBe('9.4.3');
    for (const bad of ['', '9.4', '9.4.3.1', 'gfx942', '9.4.x', '-1.0.0', '9.4.3 ']) {
      expect(() => parseGcVersion(bad)).toThrow(/^gc: expected a GC IP version like "9\.4\.3", got /);
    }
  });
});

describe('default granularity', () => {
  for (const [parameter, expected] of [
    [0, 0],
    [9, 9],
    [27, 27],
    [28, 27],
    [255, 27],
    [256, 0],
    [265, 9],
    [300, 27],
    [2 ** 32 - 1, 27],
    [2 ** 31, 0],
  ] as const) {
    it(`${parameter} becomes ${expected}: modulo 256 first, then at most 27`, () => {
      expect(defaultGranularity(device('9.4.3', false, { defaultGranularity: parameter }))).toBe(expected);
    });
  }
});
