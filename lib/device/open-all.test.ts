import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/after-file.ts';
import { thrown } from '../../test/support/devices.ts';
import { EmulatedMachine } from '../../emulator/index.ts';
import { readTraceFile, replayTrace, SvmDevice } from '../index.ts';

const folder = temporaryFolder();

it('opens every GPU of a machine that it makes, or that exists', () => {
  const made = SvmDevice.openAll({ backend: 'emulated', emulator: { gpus: ['gfx90a', 'gfx1030'], profile: 'v8' } });
  expect(made.map(({ path, emulator }) => [path, emulator!.gpu.model.asic])).toEqual([
    ['emulated:renderD128', 'gfx90a'],
    ['emulated:renderD129', 'gfx1030'],
  ]);
  const machine = new EmulatedMachine({ gpus: 3, links: 'pcie' });
  const found = SvmDevice.openAll({ emulator: machine });
  expect(found.map(({ emulator }) => machine.devices.indexOf(emulator!))).toEqual([0, 1, 2]);
  expect([found[0]!.linkTo(found[0]!), found[0]!.linkTo(found[2]!), found[0]!.linkTo(made[0]!)]).toEqual([
    'self',
    'pcie',
    undefined,
  ]);
  expect(SvmDevice.openAll({ backend: 'auto' }).length).toBe(1);
  for (const device of [...made, ...found]) device.close();
  expect(thrown(() => made[0]!.vramInfo()).code).toBe('ERR_SVM_CLOSED');
});

it('refuses what it cannot open, and leaves nothing open', () => {
  expect(thrown(() => SvmDevice.openAll({ backend: 'kernel' })).code).toBe('ERR_SVM_BACKEND_UNAVAILABLE');
  expect(thrown(() => SvmDevice.openAll({ gpus: 2 } as object)).message).toMatch(/^options\.gpus: unknown option/);
  const [device] = SvmDevice.openAll({ backend: 'emulated' });
  expect(thrown(() => device!.linkTo({} as SvmDevice))).toMatchObject({ code: 'ERR_SVM_INVALID_TYPE' });
});

it('records GPUs of different models and their VRAM in one file, which replays the same', async () => {
  const record = join(folder, 'mixed.jsonl');
  const devices = SvmDevice.openAll({
    backend: 'emulated',
    emulator: { gpus: ['gfx90a', 'gfx942', 'gfx1030'], profile: 'v8', vram: 4 << 20, links: ['a', 'a', null] },
    record,
  });
  const [one, two, three] = devices;
  const memory = one!.memory.map(1 << 20);
  memory.write(0, Uint8Array.of(7));
  one!.prefetch(memory, 'device');
  expect(one!.vramInfo()).toEqual({ total: 4 << 20, free: 3 << 20 });
  expect(thrown(() => three!.setAttributes(memory, { coherent: false })).code).toBe('EOPNOTSUPP');
  two!.setAttributes(memory, { preferredLocation: 'device' });
  await one!.createQueue().fill(memory.address, 9, 4096);
  one!.emulator!.evict();
  const offset = two!.emulator!.takeVram(8192n);
  expect([two!.emulator!.freeVram(offset), memory.read(0, 1)[0]]).toEqual([0, 9]);
  for (const device of devices) device.close();
  const [config] = readFileSync(record, 'utf8').split('\n');
  expect(JSON.parse(config!)).toMatchObject({
    in: {
      config: {
        profile: 'v8',
        gpus: 3,
        gc: '9.4.2',
        models: [{}, { gc: '9.4.3' }, { gc: '10.3.0' }],
        vram: 4 << 20,
        hive: ['a', 'a', null],
        thpMig: false,
      },
    },
    out: { devmem: [1, 1, 1] },
  });
  const result = replayTrace(readTraceFile(record), { check: true });
  expect(result.difference).toBeUndefined();
  expect(result).toMatchObject({ operations: expect.any(Number) as number });
});
