// Models: PTE bits and memory types per GC version (spec/03-gpu-ranges §B.2, spec/trace-format §7).
import { gc, gcNumber } from './gc-version.ts';
import type { GcVersion } from './gc-version.ts';

/** PTE bits that are the same on every generation. */
export const PteBit = {
  valid: 0x01n,
  system: 0x02n,
  snooped: 0x04n,
  executable: 0x10n,
  readable: 0x20n,
  writeable: 0x40n,
} as const;

/** "Is PTE" bit of GFX12. */
export const PTE_IS_PTE: bigint = 1n << 63n;

/** Memory types (MTYPE): non-coherent, read-write, cache-coherent, uncached. */
export type MemoryType = 'NC' | 'RW' | 'CC' | 'UC';

const TYPE_NUMBER: Readonly<Record<MemoryType, bigint>> = { NC: 0n, RW: 1n, CC: 2n, UC: 3n };

/** The memory that a PTE leads to, as its GPU sees it: that of the system, its own VRAM, or that of another GPU. */
export const PteMemory = { system: 0, localVram: 1, peerVram: 2 } as const;
export type PteMemory = (typeof PteMemory)[keyof typeof PteMemory];

/** What the choice of PTE flags depends on besides the attributes. */
export interface PteFormatOptions {
  readonly gc: GcVersion;
  readonly apu: boolean;
  /** num_possible_nodes() */
  readonly numaNodes: number;
  /** Module parameter amdgpu_mtype_local: 0 RW, 1 NC, 2 CC. */
  readonly mtypeLocal: number;
  /** Whether the GPU's VRAM is coherent memory of the CPU (XGMI to the CPU). Default false. */
  readonly connectedToCpu?: boolean;
  /** Revision of the silicon (adev->rev_id). Default 0. */
  readonly siliconRevision?: number;
  /** Whether the GPU can do atomics over the bus. Default false. */
  readonly busAtomics?: boolean;
}

const FLAG_COHERENT = 0x02;
const FLAG_EXT_COHERENT = 0x04;
const FLAG_GPU_RO = 0x10;
const FLAG_GPU_EXEC = 0x20;

/** Memory type for the flag mask of an attribute interval (spec/03-gpu-ranges §B.2; VRAM: spec/trace-format-v8 §9). */
export function memoryType(options: PteFormatOptions, flags: number, memory: PteMemory): MemoryType {
  const version = gcNumber(options.gc);
  const ext = (flags & FLAG_EXT_COHERENT) !== 0;
  const coherent = ext || (flags & FLAG_COHERENT) !== 0;
  switch (version) {
    case gc(9, 4, 1):
    case gc(9, 4, 2):
      if (memory === PteMemory.localVram) return coherent ? 'CC' : 'RW';
      break;
    case gc(9, 4, 3):
    case gc(9, 4, 4):
    case gc(9, 5, 0):
      if (memory === PteMemory.localVram) return localType(options.mtypeLocal, ext);
      if (memory === PteMemory.peerVram) return ext ? 'UC' : 'NC';
      if (options.apu && options.numaNodes <= 1) return localType(options.mtypeLocal, ext);
      if (options.apu || version === gc(9, 5, 0)) return ext ? 'UC' : 'NC';
      return 'UC';
    case gc(12, 0, 0):
    case gc(12, 0, 1):
      return 'NC';
  }
  // mutant: memory-type-coherent
  return coherent ? 'UC' : 'NC';
}

function localType(mtypeLocal: number, ext: boolean): MemoryType {
  if (ext) return 'CC';
  if (mtypeLocal === 1) return 'NC';
  return mtypeLocal === 2 ? 'CC' : 'RW';
}

/** The memory type in the bits where the generation has it; a type the generation lacks becomes NC. */
function encodeMemoryType(major: number, type: MemoryType): bigint {
  if (major >= 12) return type === 'UC' ? 3n << 54n : 0n;
  if (major >= 10) return type === 'RW' ? 0n : TYPE_NUMBER[type] << 48n;
  return TYPE_NUMBER[type] << 57n;
}

/** Whether accesses of the GPU to that memory look into the caches of the CPU. */
function isSnooped(options: PteFormatOptions, memory: PteMemory): boolean {
  if (memory !== PteMemory.localVram) return true;
  const version = gcNumber(options.gc);
  if (version === gc(9, 4, 2)) return options.connectedToCpu === true;
  return version === gc(9, 4, 3) || version === gc(9, 4, 4) || version === gc(9, 5, 0);
}

/** The flags of a PTE, without the address (spec/03-gpu-ranges §B.2, "assembly"; VRAM: spec/trace-format-v8 §9). */
export function pteFlags(
  options: PteFormatOptions,
  flags: number,
  readOnly: boolean,
  memory: PteMemory = PteMemory.system,
): bigint {
  let value: bigint = PteBit.valid | PteBit.readable;
  if (memory !== PteMemory.localVram) value |= PteBit.system;
  if (isSnooped(options, memory)) value |= PteBit.snooped;
  if (options.gc.major >= 12) value |= PTE_IS_PTE;
  // mutant: executable-bit
  if ((flags & FLAG_GPU_EXEC) !== 0) value |= PteBit.executable;
  value |= encodeMemoryType(options.gc.major, memoryType(options, flags, memory));
  // mutant: read-only-flag-ignored
  if ((flags & FLAG_GPU_RO) === 0 && !readOnly) value |= PteBit.writeable;
  return value;
}

/**
 * PTE flags as small numbers: 0 is "no PTE", the others stand for a 64-bit
 * value. So page tables and ranges hold 16 bits and compare plain numbers.
 */
export class PteFlagTable {
  private readonly options: PteFormatOptions;
  private readonly values: bigint[] = [0n];
  // By index: 0 no access, 1 reading, 3 reading and writing.
  private readonly access: number[] = [0];
  // Flag mask (8 bits), read-only bit (bit 8) and memory (bits 9 and 10) of what was asked for, and its index. They are
  // few: looked through, they need no table of 2,048 places.
  private readonly keys: number[] = [];
  private readonly indexOf: number[] = [];
  // What was asked for last, and its index.
  private recentKey = -1;
  private recentIndex = 0;

  constructor(options: PteFormatOptions) {
    this.options = options;
  }

  /** Index of the flags for that attribute flag mask, read-only bit and memory. */
  indexFor(flags: number, readOnly: boolean, memory: PteMemory): number {
    const key = (flags & 0xff) | (readOnly ? 0x100 : 0) | (memory << 9);
    return key === this.recentKey ? this.recentIndex : this.findOrIntern(key, flags, readOnly, memory);
  }

  /** Index of any 64-bit value. */
  intern(value: bigint): number {
    const known = this.values.indexOf(value);
    if (known >= 0) return known;
    if (this.values.length > 0xffff)
      throw Object.assign(new Error('more than 65535 different PTE flag values'), { code: 'ERR_SVM_INTERNAL' });
    const reads = (value & PteBit.valid) !== 0n && (value & PteBit.readable) !== 0n;
    this.access.push(!reads ? 0 : (value & PteBit.writeable) !== 0n ? 3 : 1);
    return this.values.push(value) - 1;
  }

  private findOrIntern(key: number, flags: number, readOnly: boolean, memory: PteMemory): number {
    const at = this.keys.indexOf(key);
    const index = at >= 0 ? this.indexOf[at]! : this.intern(pteFlags(this.options, flags, readOnly, memory));
    if (at < 0) {
      this.keys.push(key);
      this.indexOf.push(index);
    }
    this.recentKey = key;
    this.recentIndex = index;
    return index;
  }

  /** The 64-bit value of an index. */
  value(index: number): bigint {
    return this.values[index]!;
  }

  /** Whether PTEs with that index allow the access. */
  permits(index: number, write: boolean): boolean {
    return (this.access[index]! & (write ? 2 : 1)) !== 0;
  }
}
