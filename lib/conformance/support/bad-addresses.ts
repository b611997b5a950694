/** Addresses at which the GPU finds nothing that it may use. */
import type { CaseContext } from '../framework/context.ts';
import { EINVAL, EOPNOTSUPP, EPERM } from './errno.ts';
import type { Feature } from '../framework/feature.ts';
import { pages } from '../framework/mapping.ts';
import { gpuStore } from './memory.ts';
import { CHUNK_2M } from './units.ts';

/** Bad addresses, and what the handler answers to a fault there: 0 is "try again", forever. */
export const BAD = {
  zero: 0,
  unmapped: 0,
  'unmapped-after-use': 0,
  'hole-in-buffer': 0,
  'no-access': -EPERM,
  'behind-the-last': -EINVAL,
  io: -EOPNOTSUPP,
  pfnmap: -EOPNOTSUPP,
  mixedmap: -EOPNOTSUPP,
} as const;

export type Bad = keyof typeof BAD;

export const BAD_NAMES = Object.keys(BAD) as Bad[];

const SPECIAL: readonly Bad[] = ['io', 'pfnmap', 'mixedmap'];

export function badNeeds(bad: Bad): readonly Feature[] {
  if (bad === 'behind-the-last') return ['address-choice'];
  return SPECIAL.includes(bad) ? ['special-mapping'] : [];
}

/** An address of that kind; `buffer` is memory of 2 MiB that the GPU uses. */
export async function badAddress(
  t: CaseContext,
  bad: Bad,
  buffer: { at(offset: number): bigint; unmap(offset: number, length: number): void },
): Promise<bigint> {
  switch (bad) {
    case 'zero':
      return 0n;
    case 'unmapped':
      return t.hole(CHUNK_2M).address;
    case 'unmapped-after-use': {
      const gone = t.map(CHUNK_2M);
      await gpuStore(t, gone.address, 1);
      gone.unmap();
      return gone.address;
    }
    case 'hole-in-buffer':
      buffer.unmap(pages(100), pages(1));
      return buffer.at(pages(100));
    case 'no-access':
      return t.map(CHUNK_2M, { protection: '-' }).address;
    case 'behind-the-last':
      // Memory of the process after what a GPU of 48 bits mirrors; exactly at its end it would be let through (Q59).
      return t.map(CHUNK_2M, { address: (1n << 48n) + BigInt(CHUNK_2M) }).address;
    case 'io':
    case 'pfnmap':
    case 'mixedmap':
      return t.map(CHUNK_2M, { kind: bad }).address;
  }
}
