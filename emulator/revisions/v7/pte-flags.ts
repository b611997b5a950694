// Models: PTE flags by where the memory lies, with the GPU that V7 adds (spec/revisions §4, V6 item 3; spec/trace-format-v7 §2).
import { SvmFlag } from '../../../lib/uapi/constants.ts';
import { gc, gcNumber } from '../../gpu/gc-version.ts';
import { pteFlags as commonPteFlags, PteBit, PTE_IS_PTE, PteMemory } from '../../gpu/pte-format.ts';
import type { PteFormatOptions } from '../../gpu/pte-format.ts';

/** Bit of a PTE that lets the GPU do atomics over the bus. */
const BUS_ATOMICS = 1n << 62n;
const UNCACHED = 3n << 54n;
/** Bit of the silicon revision of the second 12.1.0. */
const SECOND_SILICON = 0x10;

/** The flags of a PTE, without the address. */
export function pteFlags(options: PteFormatOptions, flags: number, readOnly: boolean, memory: PteMemory): bigint {
  if (gcNumber(options.gc) !== gc(12, 1, 0)) return commonPteFlags(options, flags, readOnly, memory);
  let value: bigint = PteBit.valid | PteBit.snooped | PteBit.readable | PTE_IS_PTE;
  if (memory !== PteMemory.localVram) {
    value |= PteBit.system;
    const second = ((options.siliconRevision ?? 0) & SECOND_SILICON) !== 0;
    if (!second || (flags & SvmFlag.extCoherent) !== 0) value |= UNCACHED;
  }
  if (options.busAtomics === true) value |= BUS_ATOMICS;
  if ((flags & SvmFlag.gpuExecutable) !== 0) value |= PteBit.executable;
  if ((flags & SvmFlag.gpuReadOnly) === 0 && !readOnly) value |= PteBit.writeable;
  return value;
}
