/** Every kind of event arrives: at a listener of the device, at one of the machine, in the counters, in a ring, and on its diagnostics channel. */
import diagnostics from 'node:diagnostics_channel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVENT_NAMES, machineOf } from '../../emulator/index.ts';
import type { EventCounts, EventName, MachineEvent } from '../../emulator/index.ts';
import { EventRing, SvmDevice } from '../index.ts';

const CHUNK = 2 << 20;

/** What happens only without retry faults: queues are stopped, pages restored and given up. */
async function withoutRetryFaults(device: SvmDevice): Promise<void> {
  const queue = device.createQueue();
  const memory = device.memory.map(CHUNK);
  memory.write(0, new Uint8Array(CHUNK));
  device.setAttributes(memory, { access: 'in-place' });
  memory.discard(0, 4096);
  device.emulator!.failures.plan('collect-pages', 'EFAULT');
  await queue.fill(memory.address + 4096n, 1, 4096);
}

/** What happens only with memory of the GPU: pages move there and home, and give way to others. */
async function withVram(device: SvmDevice): Promise<void> {
  const queue = device.createQueue();
  const memory = device.memory.map(CHUNK);
  memory.write(0, new Uint8Array(CHUNK));
  device.setAttributes(memory, { access: 'allow-migrate', preferredLocation: 'device' });
  await queue.fill(memory.address, 1, CHUNK);
  expect(device.emulator!.evict()).toBe(0);
  device.prefetch(memory, 'device');
  memory.read(0, 4096);
}

/** One program in which all the rest happens. */
async function everything(device: SvmDevice): Promise<void> {
  const emulated = device.emulator!;
  const machine = machineOf(emulated);
  const [file] = emulated.files;
  const queue = device.createQueue();
  const memory = device.memory.map(6 * CHUNK);
  const start = Number((BigInt(CHUNK) - (memory.address % BigInt(CHUNK))) % BigInt(CHUNK));
  const chunk = (number: number) => memory.slice(start + number * CHUNK, CHUNK);
  device.setAttributes(chunk(0), { access: 'in-place' });
  await queue.fill(chunk(0).address, 1, CHUNK);
  // Discarded in part, then split: ranges and their notifier go, PTEs are zapped, the TLB is flushed; Q35 and Q38 are hazards.
  memory.discard(start, 4096);
  device.setAttributes({ address: chunk(0).address, size: 4096 }, { gpuReadOnly: true });
  device.prefetch(chunk(1), 'device');
  // Pages that change while they are mapped: the handler tries again.
  const stop = machine.at('pages-got', () => memory.discard(start + 2 * CHUNK, 4096), { pass: 1 });
  await queue.fill(chunk(2).address, 1, 4096);
  stop();
  emulated.failures.plan('write-ptes', 'ENODEV');
  expect(emulated.fault({ address: chunk(3).address, write: true })).toBeLessThan(0);
  emulated.failures.plan('zap-ptes', 'EBUSY');
  memory.discard(start + CHUNK, 4096);
  // A fault that is older than an unmap.
  emulated.setInterruptRing('ih1', true, machine.clock.now + 1);
  memory.unmap();
  emulated.fault({ address: chunk(4).address, write: false, timestamp: machine.clock.now });
  machine.runPendingWork();
  emulated.finaliseContext(file!);
  device.svmIoctl({ operation: 1, address: chunk(0).address, size: 4096, attributes: [{ type: 2, value: 0 }] });
}

describe('every event', () => {
  const heard = {
    device: new Set<EventName>(),
    machine: new Set<EventName>(),
    ring: new Set<EventName>(),
    channel: new Set<EventName>(),
  };
  const counts: EventCounts[] = [];
  const listeners = EVENT_NAMES.map((name) => ({
    channel: `amdgpu-svm:${name}`,
    listener: (message: unknown) => void heard.channel.add((message as MachineEvent).name),
  }));

  async function listenTo(device: SvmDevice, program: (device: SvmDevice) => Promise<void>): Promise<void> {
    const machine = machineOf(device.emulator!);
    for (const name of EVENT_NAMES) {
      device.on(name, () => heard.device.add(name));
      machine.on(name, () => heard.machine.add(name));
    }
    const ring = new EventRing(100_000);
    ring.follow(device);
    counts.push(machine.countEvents().counts);
    await program(device);
    for (const { name } of ring.events()) heard.ring.add(name);
  }

  beforeAll(async () => {
    for (const { channel, listener } of listeners) diagnostics.subscribe(channel, listener);
    using device = SvmDevice.open({ backend: 'emulated', emulator: { retryCam: false }, hazards: 'report' });
    await listenTo(device, everything);
    using off = SvmDevice.open({ backend: 'emulated', profile: 'v7-xnack-off', xnackOff: true });
    await listenTo(off, withoutRetryFaults);
    using large = SvmDevice.open({ backend: 'emulated', profile: 'v8', emulator: { vram: 4 * CHUNK, cost: 'mi210' } });
    await listenTo(large, withVram);
  });
  afterAll(() => {
    for (const { channel, listener } of listeners) diagnostics.unsubscribe(channel, listener);
  });

  it.each(EVENT_NAMES)('%s', (name) => {
    const places = Object.entries(heard)
      .filter(([, names]) => names.has(name))
      .map(([place]) => place);
    // Ioctls have a tracing channel of their own.
    expect(places).toEqual(name === 'ioctl' ? ['device', 'machine', 'ring'] : ['device', 'machine', 'ring', 'channel']);
    expect(counts.reduce((sum, each) => sum + each[name], 0)).toBeGreaterThan(0);
  });
});
