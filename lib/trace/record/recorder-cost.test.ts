import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { EmulatedMachine } from '../../../emulator/index.ts';
import { SvmDevice } from '../../index.ts';
import type { TraceLine } from '../format/parse-trace.ts';
import { readTraceFile } from '../format/read-trace.ts';
import { replayTrace } from '../replay/replay.ts';
import { TraceRunner } from '../replay/runner.ts';
import { temporaryFolder } from '../../../test/support/after-file.ts';

const folder = temporaryFolder();
const file = join(folder, 'recorded.jsonl');

describe('a recording of a machine with a cost model', () => {
  it('replays identically, and takes the same time, where things take time', async () => {
    const machine = new EmulatedMachine({
      profile: 'v8',
      gpus: 2,
      vram: 4 << 20,
      repairs: 'all',
      cost: { base: 'mi210', pte: 2.5 },
    });
    // What was before the recording has taken time, too.
    const early = machine.process.mmap({ size: 1 << 20 });
    machine.process.touch(early, 1 << 20, true);
    machine.clock.advance(12_345);
    const [device, other] = machine.devices.map((emulator) =>
      SvmDevice.open({ backend: 'emulated', record: file, emulator }),
    );
    const buffer = device!.memory.map(8 << 20);
    buffer.write(0, new Uint8Array(buffer.size).fill(1));
    device!.setAttributes(buffer, { access: 'allow-migrate', preferredLocation: 'device' });
    const queue = device!.createQueue();
    await queue.fill(buffer.address + 100n, 7, 5 << 20);
    buffer.read(1 << 20, 4096);
    device!.prefetch(buffer.slice(4 << 20, 2 << 20), 'device');
    other!.setAttributes(buffer, { access: 'in-place' });
    await other!.createQueue().read(buffer.address, 1 << 16);
    device!.emulator!.evict();
    machine.clock.advance(1000);
    await expect(queue.read(0x1000n, 8)).rejects.toThrow('GPU read at');
    buffer.unmap();
    machine.runPendingWork();
    const { now } = machine.clock;
    const totals = machine.costTotals!;
    device!.close();
    other!.close();
    expect(totals.machine.faults).toBeGreaterThan(4);
    const lines = readTraceFile(file);
    // All numbers are there, so that it means the same when those of the table change.
    const [{ source }] = lines as [TraceLine];
    const { cost } = (source as { config: { cost: Record<string, number> } }).config;
    expect(cost).toEqual(machine.options.cost);
    const { difference, compared } = replayTrace(lines, { check: true });
    expect([difference, compared]).toEqual([undefined, lines.length]);
    let replayed: EmulatedMachine | undefined;
    const runner = new TraceRunner((made) => (replayed = made));
    for (const { operation } of lines) runner.execute(operation);
    expect(replayed!.clock.now).toBe(now);
    expect(replayed!.costTotals!.devices).toEqual(totals.devices);
  });

  it('says it where the time before cannot be written down', () => {
    const machine = new EmulatedMachine({ profile: 'v8', cost: 'mi210' });
    const early = machine.process.mmap({ size: 1 << 20 });
    // Locking brings pages in without a fault.
    machine.process.mlock(early, 1 << 20);
    const warned: string[] = [];
    vi.spyOn(process, 'emitWarning').mockImplementation((warning) => void warned.push(String(warning)));
    SvmDevice.open({ backend: 'emulated', record: file, emulator: machine.devices[0]! }).close();
    vi.restoreAllMocks();
    expect(warned.join()).toContain('pages came without a fault of the CPU before the recording began');
  });
});
