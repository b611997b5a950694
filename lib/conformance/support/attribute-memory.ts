/** Memory of each kind for the cases of attribute defaults. */
import type { CaseContext } from '../framework/context.ts';
import type { Letters } from '../framework/mapping.ts';
import { pages } from '../framework/mapping.ts';

export const MEMORY = ['no-memory', 'untouched', 'written', 'read-only', 'no-access', 'discarded', 'unmapped'] as const;

/** Eight pages of this kind. */
export function memoryOf(t: CaseContext, kind: (typeof MEMORY)[number]): { address: bigint; size: number } {
  if (kind === 'no-memory') return t.hole(pages(8));
  const letters: Partial<Record<typeof kind, Letters>> = { 'read-only': 'r', 'no-access': '-' };
  const memory = t.map(pages(8), { protection: letters[kind] ?? 'rw' });
  if (kind === 'written' || kind === 'discarded' || kind === 'unmapped')
    memory.write(0, new Uint8Array(pages(8)).fill(1));
  if (kind === 'discarded') memory.discard();
  if (kind === 'unmapped') memory.unmap();
  return memory.range();
}
