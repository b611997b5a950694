import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { KernelVram } from './kernel-vram.ts';
import { temporaryFolder } from '../../test/support/after-file.ts';

const folder = temporaryFolder();
// /dev/null is device 1:3 everywhere.
const device = join(folder, 'dev', 'char', '1:3', 'device');
const descriptor = openSync('/dev/null', 'r');

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  closeSync(descriptor);
});

it('reads the memory and the hive that the driver writes into sysfs, and nothing where it writes none', () => {
  const vram = new KernelVram(descriptor, folder);
  expect([vram.info(), vram.hive()]).toEqual([undefined, undefined]);
  mkdirSync(join(device, 'xgmi_hive_info'), { recursive: true });
  writeFileSync(join(device, 'mem_info_vram_total'), '68702699520\n');
  expect(vram.info()).toBeUndefined();
  writeFileSync(join(device, 'mem_info_vram_used'), '10702848\n');
  writeFileSync(join(device, 'xgmi_hive_info', 'xgmi_hive_id'), '0\n');
  expect([vram.info(), vram.hive()]).toEqual([{ total: 68_702_699_520, free: 68_691_996_672 }, undefined]);
  writeFileSync(join(device, 'xgmi_hive_info', 'xgmi_hive_id'), '11283906012344312842\n');
  expect(vram.hive()).toBe('11283906012344312842');
  writeFileSync(join(device, 'mem_info_vram_used'), 'many\n');
  expect(vram.info()).toBeUndefined();
  expect(new KernelVram(1_000_000, folder).info()).toBeUndefined();
});
