/** `hipStreamAttachMemAsync`: checks, and nothing else (spec/hip §6). */
import type { Pointer } from './arguments.ts';
import { HipMemAttach } from './constants.ts';
import { invalidValue } from './error.ts';
import type { MemoryOwner } from './memory.ts';
import type { HipState } from './state.ts';
import type { HipStream } from './stream.ts';
import type { StreamTable } from './stream-table.ts';

const FLAGS: readonly number[] = Object.values(HipMemAttach);

/** Attaching has no visible meaning on AMD: what passes is done. */
export function checkAttach(
  state: HipState,
  owner: MemoryOwner,
  streams: StreamTable,
  stream: HipStream | null,
  pointer: Pointer,
  length: bigint,
  flags: number,
): void {
  state.assertOpen();
  if (pointer.address === 0n) throw invalidValue('pointer: null');
  streams.assertLive(stream);
  streams.assertOwn(stream);
  if (!FLAGS.includes(flags)) throw invalidValue(`flags: expected 1, 2 or 4, got ${flags}`);
  if (flags === HipMemAttach.single && stream === null)
    throw invalidValue('stream: the null stream, which nothing can be attached to alone');
  const memory = state.lookUp('pointer', pointer, owner);
  if (memory === undefined) {
    if (!state.pageable) throw invalidValue('pointer: no memory of the runtime, and the device reaches no other');
    if (length === 0n) throw invalidValue('length: 0, of memory whose size is not known');
    return;
  }
  if (memory.kind !== 'device' && length !== 0n && length !== BigInt(memory.size)) {
    throw invalidValue(`length: expected 0 or the whole allocation of ${memory.size} bytes, got ${length}`);
  }
}
