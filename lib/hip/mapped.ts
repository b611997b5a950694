/** Whether anything is mapped at a page of the process that the devices mirror. */
import fs from 'node:fs';
import type { SvmDevice } from '../device/svm-device.ts';

/** On the emulator: of its process; else of this one, as /proc/self/maps says (true if that can't be read). */
export function isMapped(device: SvmDevice, page: number): boolean {
  if (device.emulator !== undefined) return device.emulator.surroundings.process.findVma(page) !== undefined;
  let maps: string;
  try {
    maps = fs.readFileSync('/proc/self/maps', 'utf8');
  } catch {
    return true;
  }
  const address = BigInt(page) << 12n;
  return maps.split('\n').some((line) => {
    const interval = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line);
    return interval !== null && BigInt(`0x${interval[1]}`) <= address && address < BigInt(`0x${interval[2]}`);
  });
}
