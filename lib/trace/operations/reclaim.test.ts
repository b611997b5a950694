import { join } from 'node:path';
import { expect, it } from 'vitest';
import { EmulatedMachine } from '../../../emulator/index.ts';
import type { MachineOptions } from '../../../emulator/index.ts';
import { SvmDevice } from '../../index.ts';
import { readTraceFile } from '../format/read-trace.ts';
import { explainTrace } from '../replay/explain.ts';
import { replayTrace } from '../replay/replay.ts';
import { temporaryFolder } from '../../../test/support/after-file.ts';

const folder = temporaryFolder();

const V = 0x1000_0000n;
const BLOCK = 2 << 20;
const at = (page: number): bigint => V + BigInt(page * 4096);
let files = 0;

/** A recorded device; `end` closes it, and the recording has to replay the same. Gives its story. */
function record(options: MachineOptions) {
  const machine = new EmulatedMachine(options);
  const path = join(folder, `${files++}.jsonl`);
  const device = SvmDevice.open({ backend: 'emulated', emulator: machine.devices[0]!, record: path });
  const end = (): string => {
    device.close();
    const lines = readTraceFile(path);
    expect(replayTrace(lines, { check: true }).difference).toBeUndefined();
    const story: string[] = [];
    explainTrace(lines, (line) => story.push(line));
    return story.join('\n');
  };
  return { machine, process: machine.process, device, end };
}

const PROFILES = [
  ['v4', {}],
  ['v7', { profile: 'v7' }],
  ['v8', { profile: 'v8' }],
  ['v8 with VRAM', { profile: 'v8', vram: 16 << 20 }],
] as const satisfies readonly (readonly [string, MachineOptions])[];

it.each(PROFILES)(
  'is recorded, replayed and told: every call on memory that the GPU uses (%s)',
  async (_name, options) => {
    const { process, device, end } = record(options);
    const queue = device.createQueue();
    const range = { address: V, size: 2 * BLOCK };
    process.mmap(range);
    const fill = async (value: number): Promise<void> => {
      await queue.fill(V, value, 8192);
      await queue.fill(at(512), value, 4096);
    };
    await fill(1);
    process.mlock(at(512), 4096);
    expect(process.swapOut(V, BLOCK)).toBeGreaterThan(1);
    await fill(2);
    process.munlock(at(512), 4096);
    const child = process.fork();
    await fill(3);
    expect([child.read(V, 1)[0], process.read(V, 1)[0]]).toEqual([2, 3]);
    child.write(at(1), Uint8Array.of(9));
    child.exit();
    process.collapse(V, BLOCK);
    await fill(4);
    const moved = process.mremap(V, BLOCK, BLOCK, { address: at(4096) });
    await expect(queue.read(V, 1)).rejects.toThrow(/GPU/);
    expect([(await queue.read(moved, 1))[0], process.read(moved, 1)[0]]).toEqual([4, 4]);
    process.mmap({ address: at(8192), size: 8192, kind: 'file', fileSize: 1 });
    process.mmap({ address: at(10_240), size: BLOCK, kind: 'hugetlb' });
    process.mmap({ address: at(11_264), size: 8192, kind: 'shared' });
    for (const page of [8192, 10_240, 11_264]) await queue.fill(at(page), 5, 4096);
    await expect(queue.fill(at(8193), 5, 4096)).rejects.toThrow(/GPU/);
    const story = end();
    for (const sentence of [
      'The process locks 4 KiB at 0x10200000 in memory',
      'The kernel swaps out 2 MiB at 0x10000000',
      'The process forks',
      'Child 1 writes to each page of 1 byte at 0x10001000',
      'Child 1 exits',
      'khugepaged makes huge pages of 2 MiB at 0x10000000',
      'and moves it to 0x11000000',
    ])
      expect(story).toContain(sentence);
  },
);

it('moves pages in VRAM along, which come home where they are mapped then', () => {
  const { machine, process, device, end } = record({ profile: 'v8', vram: 16 << 20 });
  process.mmap({ address: V, size: BLOCK });
  process.write(V, new Uint8Array(BLOCK).fill(6));
  device.prefetch({ address: V, size: BLOCK }, 'device');
  const moved = process.mremap(V, BLOCK, BLOCK, { address: at(4096) });
  expect(machine.memorySnapshot().pages).toMatchObject([{ startPage: Number(at(4096) >> 12n), pages: 512, gpu: 0 }]);
  expect(process.read(moved + BigInt(BLOCK - 1), 1)[0]).toBe(6);
  expect(machine.memorySnapshot().pages).toEqual([]);
  end();
});

it('brings swapped pages in before they go to VRAM, and shares pages there with a child', async () => {
  const { machine, process, device, end } = record({ profile: 'v8', vram: 16 << 20 });
  process.mmap({ address: V, size: BLOCK });
  process.write(V, new Uint8Array(BLOCK).fill(7));
  process.swapOut(V, 65_536);
  device.prefetch({ address: V, size: BLOCK }, 'device');
  expect(machine.memorySnapshot().pages).toMatchObject([{ pages: 512 }]);
  expect((await device.createQueue().read(V, 1))[0]).toBe(7);
  expect(process.swapOut(V, BLOCK)).toBe(0);
  const child = process.fork();
  expect(child.read(V, 1)[0]).toBe(7);
  expect(() => child.write(V, Uint8Array.of(1))).toThrow(expect.objectContaining({ code: 'ERR_SVM_NOT_MODELLED' }));
  process.write(V, Uint8Array.of(8));
  expect([child.read(V, 1)[0], process.read(V, 1)[0], process.calls.collapse(V, BigInt(BLOCK))]).toEqual([7, 8, 0]);
  end();
});
