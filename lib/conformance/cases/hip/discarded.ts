/** What the cases of the discard calls share. */
import type { HipMemory } from '../../../hip/index.ts';
import type { CaseContext } from '../../framework/context.ts';
import type { Hip } from './runtime.ts';
import { allAre, distinct } from '../../support/distinct.ts';

/** Managed memory full of a byte. */
export function filled(hip: Hip, size: number, byte: number): HipMemory {
  const memory = hip.managed(size);
  memory.write(0, new Uint8Array(size).fill(byte));
  return memory;
}

export function isEmpty(memory: HipMemory): boolean {
  return allAre(memory.read(), 0);
}

/** The CPU writes all of the memory and reads it back. */
export function checkUsable(t: CaseContext, memory: HipMemory): void {
  memory.write(0, new Uint8Array(memory.size).fill(0x55));
  t.equal(distinct(memory.read()), [0x55], 'what the CPU reads of what it has written');
}
