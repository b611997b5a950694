import diagnostics from 'node:diagnostics_channel';
import { describe, expect, it } from 'vitest';
import { EventRing, HazardError, SvmDevice, SvmError } from '../index.ts';
import type { Hazard } from '../index.ts';

const MIB = 1 << 20;

function open(hazards?: 'report' | 'throw' | 'off'): SvmDevice {
  return SvmDevice.open({ backend: 'emulated', ...(hazards === undefined ? {} : { hazards }) });
}

/** A registered 2 MiB buffer that the GPU has written; its mapping is older than 2 ms. */
async function used(device: SvmDevice) {
  const reservation = device.memory.map(4 * MIB);
  const start = Number((1n << 21n) - (reservation.address % (1n << 21n))) % (2 * MIB);
  const buffer = reservation.slice(start, 2 * MIB);
  device.setAttributes(buffer, { access: 'in-place' });
  await device.createQueue().fill(buffer.address, 1, buffer.size);
  return { reservation, start, buffer };
}

describe('events of a device', () => {
  it('come from the emulator by name, or all in one stream', async () => {
    using device = open();
    const names: string[] = [];
    const stop = device.onAny(({ name }) => names.push(name));
    const faults: string[] = [];
    device.on('fault', ({ outcome }) => faults.push(outcome));
    const ring = new EventRing(3);
    ring.follow(device);
    await used(device);
    stop();
    expect(names).toEqual(expect.arrayContaining(['ioctl', 'attributes-changed', 'fault', 'ptes-written']));
    expect(faults).toContain('mapped');
    expect(ring.size).toBe(3);
    expect(() => device.on('nonsense' as 'fault', () => undefined)).toThrow('unknown event');
  });

  it('of another device of the machine are not heard', async () => {
    using first = SvmDevice.open({ backend: 'emulated', emulator: { gpus: 2 } });
    const { machineOf } = await import('../../emulator/index.ts');
    using second = SvmDevice.open({ backend: 'emulated', emulator: machineOf(first.emulator!).devices[1]! });
    const seen: number[] = [];
    first.onAny(({ event }) => seen.push(event.device));
    await used(second);
    expect(seen).toEqual([]);
  });
});

describe('diagnostics channels', () => {
  it('amdgpu-svm:ioctl traces every call, with its result and its error', async () => {
    using device = open();
    const messages: [string, unknown][] = [];
    const note = (phase: string) => (message: unknown) => void messages.push([phase, { ...(message as object) }]);
    const subscribers = {
      start: note('start'),
      end: note('end'),
      asyncStart: note('asyncStart'),
      asyncEnd: note('asyncEnd'),
      error: note('error'),
    };
    const channel = diagnostics.tracingChannel('amdgpu-svm:ioctl');
    channel.subscribe(subscribers);
    try {
      const buffer = device.memory.map(MIB);
      device.setAttributes(buffer, { access: 'in-place' });
      expect(messages).toMatchObject([
        ['start', { operation: 0, address: buffer.address, attributeCount: 1 }],
        ['end', { result: 0, path: device.path }],
      ]);
      messages.length = 0;
      expect(() => device.setAttributes({ address: 1n, size: 4096 }, { access: 'in-place' })).toThrow(SvmError);
      await device.getAttributesAsync(buffer, ['access']);
      device.svmIoctl({ operation: 9, address: 0, size: 0 });
      expect(messages.map(([phase]) => phase)).toEqual([
        'start',
        'end',
        'start',
        'end',
        'asyncStart',
        'asyncEnd',
        'start',
        'end',
      ]);
      expect(messages[1]![1]).toMatchObject({ result: -22 });
    } finally {
      channel.unsubscribe(subscribers);
    }
    messages.length = 0;
    device.svmIoctl({ operation: 9, address: 0, size: 0 });
    expect(messages).toEqual([]);
  });

  it('amdgpu-svm:<event> is published while somebody subscribes, also one who comes later', async () => {
    using device = open();
    const file = device.emulator!.files[0]!;
    expect(file.effects.current).toBeNull();
    const seen: unknown[] = [];
    const listener = (message: unknown): void => void seen.push(message);
    diagnostics.subscribe('amdgpu-svm:fault', listener);
    await used(device);
    expect(seen[0]).toMatchObject({ name: 'fault', event: { reason: 'mapped' } });
    diagnostics.unsubscribe('amdgpu-svm:fault', listener);
    device.memory.map(4096);
    expect(file.effects.current).toBeNull();
  });
});

describe('the option hazards', () => {
  it('off: nothing is watched', async () => {
    using device = open();
    const { reservation, start } = await used(device);
    reservation.discard(start, 4096);
    expect(device.hazards).toEqual([]);
  });

  it('report: an event and an entry of device.hazards', async () => {
    using device = open('report');
    const heard: (Hazard | undefined)[] = [];
    device.on('hazard', ({ hazard }) => heard.push(hazard));
    const { reservation, start } = await used(device);
    expect(device.hazards).toEqual([]);
    reservation.discard(start, 4096);
    expect(device.hazards).toMatchObject([{ quirk: 'Q35', size: 511n * 4096n }]);
    expect(heard).toEqual(device.hazards);
  });

  it('throw: the operation that caused it throws when it has ended', async () => {
    using device = open('throw');
    const { reservation, start, buffer } = await used(device);
    let error: unknown;
    try {
      reservation.discard(start, 4096);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(HazardError);
    expect(error).toMatchObject({ code: 'ERR_SVM_HAZARD', hazards: [{ quirk: 'Q35' }] });
    expect((error as Error).message).toContain('reached only through a later fault');
    // It has ended: the page is gone, and the device keeps working.
    expect(reservation.read(start, 1)[0]).toBe(0);
    expect(device.getAttributes(buffer, ['access'])).toEqual({ access: 'in-place' });
  });

  it('throw: an ioctl and GPU work throw too, a mere notice does not', async () => {
    using device = open('throw');
    const { buffer } = await used(device);
    expect(() => device.setAttributes(buffer, { gpuReadOnly: true })).toThrow(/Q13/);
    const other = device.memory.map(2 * MIB);
    const queue = device.createQueue();
    await queue.fill(other.address, 1, 4096); // Q28, a notice
    expect(device.hazards.map(({ quirk }) => quirk)).toContain('Q28');
    await expect(queue.read(0n, 4)).rejects.toThrow(/Q54/);
  });

  it('is checked', () => {
    expect(() => SvmDevice.open({ backend: 'emulated', hazards: 'sometimes' as 'off' })).toThrow(
      'hazards: expected one of off, report, throw',
    );
  });
});
