import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EmulatedMachine } from '../../../emulator/index.ts';
import { SvmDevice } from '../../index.ts';
import { readTraceFile } from '../format/read-trace.ts';
import { replayTrace } from '../replay/replay.ts';
import { temporaryFolder } from '../../../test/support/after-file.ts';

const root = temporaryFolder();

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'));
  file = join(folder, 'recorded.jsonl');
});
afterEach(() => vi.unstubAllEnvs());

const open = (emulator?: ConstructorParameters<typeof EmulatedMachine>[0]) =>
  SvmDevice.open({ backend: 'emulated', record: file, ...(emulator === undefined ? {} : { emulator }) });
const names = (path = file): string[] => readTraceFile(path).map((line) => line.operation.name);

function expectIdentical(path = file): void {
  const lines = readTraceFile(path);
  const result = replayTrace(lines, { check: true });
  expect(result.difference).toBeUndefined();
  expect(result.compared).toBe(lines.length);
}

describe('a recording on the emulator', () => {
  it('replays identically on the revision that it was made on', async () => {
    const device = open({ profile: 'v7' });
    const buffer = device.memory.map(4 << 20);
    device.setAttributes(buffer, { gpuReadOnly: true });
    await device.createQueue().read(buffer.address, 8);
    device.emulator!.mapBufferObject({ address: buffer.address + 0x20_0000n, size: 4096 });
    expect(() => device.getAttributes(buffer)).toThrow(/^EADDRINUSE/);
    device.resetAttributes(buffer);
    device.emulator!.unmapBufferObject({ address: buffer.address + 0x20_0000n });
    device.close();
    expect(names()).toEqual(['config', 'mmap', 'set', 'access', 'bomap', 'get', 'reset', 'bounmap', 'fini']);
    expectIdentical();
  });

  it('replays identically where GPU work waited for stopped queues', async () => {
    const device = open({ profile: 'v7-xnack-off', xnackOff: true });
    const buffer = device.memory.map(2 << 20);
    buffer.write(0, new Uint8Array(buffer.size).fill(1));
    device.setAttributes(buffer, { access: 'in-place' });
    const queue = device.createQueue();
    buffer.discard(0, 4096);
    await queue.fill(buffer.address, 7, buffer.size);
    device.emulator!.setKfdResults(device.emulator!.files[0]!, { resume: -3 });
    buffer.unmap(1 << 20, 1 << 20);
    await expect(queue.read(buffer.address, 8)).rejects.toThrow(/queues of the process are stopped/);
    device.close();
    expect(names().slice(3)).toEqual('set dontneed advance work access kfd munmap work advance work fini'.split(' '));
    expectIdentical();
  });

  it('replays identically: memory, attributes, GPU work, time, collection, close', async () => {
    const device = open({ asic: 'gfx90a', defaultGranularity: 4, thp: true });
    const buffer = device.memory.map(8 << 20);
    device.setAttributes(buffer, { access: 'in-place', gpuExecutable: true, coherent: false });
    const queue = device.createQueue();
    await queue.fill(buffer.address, 7, buffer.size);
    buffer.discard(0x1000, 0x1000);
    buffer.protect('read', 0x200000, 0x1000);
    await queue.copy(buffer.address + 0x400000n, buffer.address, 0x3000);
    buffer.write(0x5000, new Uint8Array(100));
    device.getAttributes(buffer, ['access']);
    buffer.unmap(0x300000, 0x1000);
    device.emulator!.runPendingWork(device.emulator!.files[0]!);
    expect(() => device.prefetch({ address: 0x5000n, size: 4096 }, 'device')).toThrow('EFAULT');
    device.svmIoctl({ operation: 9, address: buffer.address, size: 4096, attributes: [{ type: 1, value: 1 }] });
    device.svmIoctl({ operation: 0, address: buffer.address, size: 4096 });
    device.close();
    expectIdentical();
    expect(new Set(names())).toEqual(
      new Set([
        'config',
        'mmap',
        'set',
        'access',
        'dontneed',
        'mprotect',
        'touch',
        'advance',
        'get',
        'munmap',
        'gc',
        'ioctl',
        'fini',
      ]),
    );
  });

  it('holds what was mapped before it began', async () => {
    const machine = new EmulatedMachine({ thp: true });
    const address = machine.process.mmap({ address: 0x1000_0000n, size: 4 << 20 });
    machine.process.write(address + 4096n, new Uint8Array(1));
    machine.process.mprotect(address, 4096, 'r');
    machine.process.mmap({ address: 0x2000_0000n, size: 4096, kind: 'pfnmap', protection: 'r' });
    const device = SvmDevice.open({ emulator: machine.devices[0]!, record: file });
    await device.createQueue().read(address, 4 << 20);
    device.close();
    expectIdentical();
  });

  it('holds what other threads did at preemption points, sleeping calls too', async () => {
    const machine = new EmulatedMachine();
    const device = SvmDevice.open({ emulator: machine.devices[0]!, record: file });
    const buffer = device.memory.map(2 << 20);
    const stop = machine.at('pages-got', () => machine.process.discard(buffer.address, 4096), { pass: 1 });
    device.prefetch(buffer, 'device');
    stop();
    let slept: Promise<void> | undefined;
    const stopSleeper = machine.at(
      'hmm',
      () => void (slept = device.setAttributesAsync(buffer.slice(0, 4096), { gpuReadOnly: true })),
      { pass: 1 },
    );
    machine.clock.advance(5_000_000);
    buffer.discard();
    machine.devices[0]!.fault({ address: buffer.address, write: true });
    stopSleeper();
    await slept;
    device.close();
    expectIdentical();
    expect(readFileSync(file, 'utf8')).toContain('"slept":true');
  });

  it('leaves out the work of other devices on the same process', async () => {
    const machine = new EmulatedMachine({ gpus: 2 });
    const recorded = SvmDevice.open({ emulator: machine.devices[1]!, record: file });
    const other = SvmDevice.open({ emulator: machine.devices[0]! });
    const buffer = other.memory.map(4096);
    await other.createQueue().fill(buffer.address, 1, 4096);
    other.setAttributes(buffer, { coherent: false });
    recorded.setAttributes(buffer, { coherent: true });
    recorded.close();
    other.close();
    expectIdentical();
    expect(names()).toEqual(['config', 'mmap', 'set', 'fini']);
  });

  it('is written line by line, so that a crash loses nothing that was answered', () => {
    const device = open();
    device.memory.map(4096);
    expect(names()).toEqual(['config', 'mmap']);
    device.close();
  });

  it('is asked for by the environment as well, with %p for the process id', () => {
    vi.stubEnv('AMDGPU_SVM_RECORD', join(folder, 'by-%p.jsonl'));
    SvmDevice.open({ backend: 'emulated' }).close();
    expect(readdirSync(folder)).toEqual([`by-${process.pid}.jsonl`]);
  });

  it('never overwrites another recording of the same process', () => {
    const [first, second] = [open(), open()];
    first.memory.map(4096);
    first.close();
    second.close();
    open().close();
    expect(readdirSync(folder).sort()).toEqual(['recorded.2.jsonl', 'recorded.3.jsonl', 'recorded.jsonl']);
    expect(names()).toEqual(['config', 'mmap', 'fini']);
  });

  it('fails at once when the file cannot be written', () => {
    expect(() => SvmDevice.open({ backend: 'emulated', record: join(folder, 'no', 'where') })).toThrow(/ENOENT/);
  });

  it('of GPU work that was killed in the middle replays identically', async () => {
    const device = open();
    const buffer = device.memory.map(8 << 20);
    buffer.protect('read', 0x403000, 0x1000);
    const queue = device.createQueue();
    await expect(queue.fill(buffer.address + 0x10n, 7, buffer.size - 0x10)).rejects.toMatchObject({
      address: buffer.address + 0x403000n,
    });
    await expect(queue.fill(buffer.address + 0x403000n, 7, 8)).rejects.toMatchObject({ access: 'write' });
    device.close();
    expectIdentical();
    expect(names().filter((name) => name === 'access' || name === 'fault')).toEqual(['access', 'fault', 'fault']);
  });

  it('of a device without SVM replays identically', () => {
    const device = open({ asic: 'gfx1100' });
    const buffer = device.memory.map(4096);
    expect(() => device.getAttributes(buffer)).toThrow('EOPNOTSUPP');
    device.close();
    expectIdentical();
  });

  it('ends with a warning before an operation that no reader would take', () => {
    const warnings: string[] = [];
    const spy = vi.spyOn(process, 'emitWarning').mockImplementation((warning, options) => {
      warnings.push(`${(options as { code: string }).code} ${String(warning)}`);
    });
    const machine = new EmulatedMachine();
    const device = SvmDevice.open({ emulator: machine.devices[0]!, record: file });
    const buffer = device.memory.map(4096);
    const interruptedBy = (operations: number): void => {
      const stop = machine.at('pages-got', () => {
        for (let count = 0; count < operations; count++) machine.process.touch(buffer.address, 4096, false);
      });
      machine.clock.advance(5_000_000);
      machine.devices[0]!.fault({ address: buffer.address, write: true });
      stop();
      buffer.discard();
    };
    interruptedBy(64);
    expect(warnings).toEqual([]);
    interruptedBy(65);
    interruptedBy(65);
    device.close();
    spy.mockRestore();
    expect(warnings).toEqual([expect.stringMatching(/^SVM_RECORDING record: .* 65 operations .* at most 64/)]);
    expectIdentical();
    expect(names()).toEqual(['config', 'mmap', 'advance', 'fault', 'dontneed', 'advance']);
  });
});
