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

/** What the choice of PTE flags depends on besides the attributes. */
export interface PteFormatOptions {
  readonly gc: GcVersion;
  readonly apu: boolean;
  /** num_possible_nodes() */
  readonly numaNodes: number;
  /** Module parameter amdgpu_mtype_local: 0 RW, 1 NC, 2 CC. */
  readonly mtypeLocal: number;
}

const FLAG_COHERENT = 0x02;
const FLAG_EXT_COHERENT = 0x04;
const FLAG_GPU_RO = 0x10;
const FLAG_GPU_EXEC = 0x20;

/** Memory type of system memory for the flag mask of an attribute interval (spec/03-gpu-ranges §B.2, first table). */
export function memoryType(options: PteFormatOptions, flags: number): MemoryType {
  const version = gcNumber(options.gc);
  const ext = (flags & FLAG_EXT_COHERENT) !== 0;
  const coherent = ext || (flags & FLAG_COHERENT) !== 0;
  switch (version) {
    case gc(9, 4, 3):
    case gc(9, 4, 4):
    case gc(9, 5, 0):
      if (options.apu && options.numaNodes <= 1) return localType(options.mtypeLocal, ext);
      if (options.apu || version === gc(9, 5, 0)) return ext ? 'UC' : 'NC';
      return 'UC';
    case gc(12, 0, 0):
    case gc(12, 0, 1):
      return 'NC';
    default:
      // mutant: memory-type-coherent
      return coherent ? 'UC' : 'NC';
  }
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

/** The flags of a PTE of system memory, without the address (spec/03-gpu-ranges §B.2, "assembly"). */
export function pteFlags(options: PteFormatOptions, flags: number, readOnly: boolean): bigint {
  let value: bigint = PteBit.valid | PteBit.system | PteBit.snooped | PteBit.readable;
  if (options.gc.major >= 12) value |= PTE_IS_PTE;
  // mutant: executable-bit
  if ((flags & FLAG_GPU_EXEC) !== 0) value |= PteBit.executable;
  value |= encodeMemoryType(options.gc.major, memoryType(options, flags));
  // mutant: read-only-flag-ignored
  if ((flags & FLAG_GPU_RO) === 0 && !readOnly) value |= PteBit.writeable;
  return value;
}

/**
 * PTE flags as small numbers: 0 is "no PTE", the others stand for a 64-bit
 * value. So page tables and ranges hold 16 bits and compare plain numbers.
 */
export class PteFlagTable {
  readonly #options: PteFormatOptions;
  readonly #values: bigint[] = [0n];
  // By index: 0 no access, 1 reading, 3 reading and writing.
  readonly #access: number[] = [0];
  // By flag mask (8 bits) and read-only bit (bit 8); 0 where not computed yet.
  readonly #indexOf = new Uint16Array(512);

  constructor(options: PteFormatOptions) {
    this.#options = options;
  }

  /** Index of the flags for that attribute flag mask and read-only bit. */
  indexFor(flags: number, readOnly: boolean): number {
    const key = (flags & 0xff) | (readOnly ? 0x100 : 0);
    const known = this.#indexOf[key]!;
    return known !== 0 ? known : (this.#indexOf[key] = this.intern(pteFlags(this.#options, flags, readOnly)));
  }

  /** Index of any 64-bit value. */
  intern(value: bigint): number {
    const known = this.#values.indexOf(value);
    if (known >= 0) return known;
    if (this.#values.length > 0xffff) throw new RangeError('more than 65535 different PTE flag values');
    const reads = (value & PteBit.valid) !== 0n && (value & PteBit.readable) !== 0n;
    this.#access.push(!reads ? 0 : (value & PteBit.writeable) !== 0n ? 3 : 1);
    return this.#values.push(value) - 1;
  }

  /** The 64-bit value of an index. */
  value(index: number): bigint {
    return this.#values[index]!;
  }

  /** Whether PTEs with that index allow the access. */
  permits(index: number, write: boolean): boolean {
    return (this.#access[index]! & (write ? 2 : 1)) !== 0;
  }
}
