// Models: PTE flags by where the memory lies, with the GPU of V6 and later (spec/revisions §4, V6 item 3; spec/trace-format-v7 §2).
import { SvmFlag } from '../../lib/uapi/constants.ts';
import { gc, gcNumber } from '../gpu/gc-version.ts';
import { pteFlags as commonPteFlags, PteBit, PTE_IS_PTE, PteMemory } from '../gpu/pte-format.ts';
import type { PteFormatOptions } from '../gpu/pte-format.ts';

const UNCACHED = 3n << 54n;
/** Bit of the silicon revision of the second 12.1.0. */
const SECOND_SILICON = 0x10;

/**
 * The flags of a PTE, without the address. `busAtomics`: the bit of a PTE that lets the GPU do atomics over the bus,
 * where it can.
 */
export function pteFlags(
  busAtomics: bigint,
  options: PteFormatOptions,
  flags: number,
  readOnly: boolean,
  memory: PteMemory,
): bigint {
  if (gcNumber(options.gc) !== gc(12, 1, 0)) return commonPteFlags(options, flags, readOnly, memory);
  let value: bigint = PteBit.valid | PteBit.snooped | PteBit.readable | PTE_IS_PTE;
  if (memory !== PteMemory.localVram) {
    value |= PteBit.system;
    const second = ((options.siliconRevision ?? 0) & SECOND_SILICON) !== 0;
    if (!second || (flags & SvmFlag.extCoherent) !== 0) value |= UNCACHED;
  }
  if (options.busAtomics === true) value |= busAtomics;
  if ((flags & SvmFlag.gpuExecutable) !== 0) value |= PteBit.executable;
  if ((flags & SvmFlag.gpuReadOnly) === 0 && !readOnly) value |= PteBit.writeable;
  return value;
}
