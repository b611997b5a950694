/** The memory and the hive of a GPU, as the driver writes them into sysfs. */
import { fstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { VramInfo } from './backend.ts';
import { deviceNumberOf } from './node-inspection.ts';

/** Reads what the driver says of the GPU behind an open render node; `sysfs` is another place than /sys in tests. */
export class KernelVram {
  readonly #folder: string | undefined;

  constructor(descriptor: number, sysfs = '/sys') {
    let folder: string | undefined;
    try {
      const status = fstatSync(descriptor, { bigint: true });
      // A served node is no device: nobody says anything of it.
      if (status.isCharacterDevice()) folder = join(sysfs, 'dev', 'char', deviceNumberOf(status.rdev), 'device');
    } catch {
      // A descriptor that is not open is refused by whoever uses it first.
    }
    this.#folder = folder;
  }

  /** mem_info_vram_total and mem_info_vram_used; undefined where they cannot be read, or there is no VRAM. */
  info(): VramInfo | undefined {
    const total = this.#number('mem_info_vram_total');
    const used = this.#number('mem_info_vram_used');
    if (total === undefined || used === undefined || total === 0) return undefined;
    return { total, free: Math.max(0, total - used) };
  }

  /** xgmi_hive_id; undefined where the GPU is in no hive. */
  hive(): string | undefined {
    const id = this.#text(join('xgmi_hive_info', 'xgmi_hive_id'));
    return id === undefined || /^0*$/.test(id) ? undefined : id;
  }

  #number(name: string): number | undefined {
    const text = this.#text(name);
    return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
  }

  #text(name: string): string | undefined {
    if (this.#folder === undefined) return undefined;
    try {
      return readFileSync(join(this.#folder, name), 'latin1').trim();
    } catch {
      return undefined;
    }
  }
}
