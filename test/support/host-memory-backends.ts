/** The backends whose host memory keeps one contract, and what a call on it throws. */
import { EmulatedMachine } from '../../emulator/index.ts';
import { EmulatedMemory } from '../../lib/backend/emulated-memory.ts';
import { KernelMemory } from '../../lib/backend/kernel-memory.ts';

/** Name and mapper. */
export const HOST_MEMORY_BACKENDS = [
  ['emulated', () => new EmulatedMemory(new EmulatedMachine().process)],
  ['kernel', () => new KernelMemory()],
] as const;

/** The `code` of what `action` throws; 'accepted' if it throws nothing. */
export function thrownCode(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return 'accepted';
}
