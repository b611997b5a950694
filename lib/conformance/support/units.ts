/** Sizes in bytes. */
import { PAGE_SIZE } from '../../uapi/constants.ts';

export const PAGE: number = PAGE_SIZE;
export const KIB = 1 << 10;
export const MIB = 1 << 20;
/** The middle one of the sizes that a GPU range may have (spec/03-gpu-ranges §A.7). */
export const CHUNK_64K = 64 << 10;
/** The largest one. */
export const CHUNK_2M = 2 << 20;
