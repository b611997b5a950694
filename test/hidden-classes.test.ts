/**
 * V8 gives an object another hidden class when it gets a field later, or the first number over 2^31 in a field that had small integers: then it makes
 * all code for such objects again, and what meets both classes is slower. So the objects that handlers use keep the one they begin with.
 * It has a process of its own: what other tests put into fields would count.
 */
import { setFlagsFromString } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { svmArguments } from '../lib/uapi/call.ts';
import { encodeAttributePairs } from '../lib/uapi/codec.ts';
import { SvmAttributeType, SvmOperation } from '../lib/uapi/constants.ts';
import type { UapiProfileName } from '../lib/uapi/profile.ts';
import type { EmulatedFile } from '../emulator/drm/file.ts';
import { EmulatedMachine } from '../emulator/machine.ts';

setFlagsFromString('--allow-natives-syntax');
// oxlint-disable-next-line no-eval
const haveSameHiddenClass = (0, eval)('(one, other) => %HaveSameMap(one, other)') as (
  one: object,
  other: object,
) => boolean;

const BASE = 0x7f00_0000_0000n;
const MIB = 0x10_0000n;
/** A number that no field has held before. */
const LATE = 2 ** 40;

class Scene {
  readonly machine: EmulatedMachine;
  readonly file: EmulatedFile;

  constructor(profile: UapiProfileName) {
    this.machine = new EmulatedMachine({ profile });
    this.file = this.machine.devices[0]!.openFile({ compute: true });
  }

  set(address: bigint, bytes: bigint, flag: number): void {
    const operation = SvmOperation.setAttributes;
    const result = this.file.svmCall(svmArguments({ address, size: bytes, operation, attributeCount: 1 }), {
      bytes: encodeAttributePairs([[SvmAttributeType.gpuReadMostly, flag]]),
    });
    expect(result).toBe(0);
  }

  /** What a process does: memory of some kinds, attributes, faults, events with stale faults behind them, collection. */
  work(): void {
    const { machine, file } = this;
    const { calls } = machine.process;
    const device = machine.devices[0]!;
    expect(calls.mmap(BASE, 64n * MIB, 3, 'anon')).toBe(0);
    expect(calls.mmap(BASE + 64n * MIB, 2n * MIB, 3, 'heap')).toBe(0);
    expect(calls.mmap(BASE + 80n * MIB, 2n * MIB, 3, 'stack')).toBe(0);
    this.set(BASE, 64n * MIB, 0);
    this.set(BASE + MIB, MIB, 1);
    // As long as no small integer of pages.
    expect(calls.mmap(1n << 45n, 1n << 44n, 3, 'anon')).toBe(0);
    this.set(1n << 45n, 1n << 44n, 1);
    machine.clock.advance(LATE);
    for (const offset of [0n, 8n, 16n, 65n, 81n])
      expect(device.raiseFault({ address: BASE + offset * MIB, write: true })).toBe(0);
    device.setInterruptRing('ih1', true, LATE);
    device.setInterruptRing('soft', true, LATE);
    expect(calls.munmap(BASE + 8n * MIB, 4n * MIB)).toBe(0);
    expect(device.runPendingWork(file)).toBe(true);
    expect(device.raiseFault({ address: BASE + 24n * MIB, write: true, timestamp: LATE + 1 })).toBe(0);
  }

  /** The least: a range of the GPU and an attribute interval. */
  begin(): void {
    expect(this.machine.process.calls.mmap(BASE, 2n * MIB, 3, 'anon')).toBe(0);
    expect(this.machine.devices[0]!.raiseFault({ address: BASE, write: true })).toBe(0);
  }

  /** The objects that the handlers use, by the way from the context to them; the range and the interval of the first page among them. */
  objects(): Map<string, object> {
    const context = this.file.context!;
    const page = Number(BASE >> 12n);
    const found = new Map<string, object>();
    collect('context', context, found, new Set());
    collect('range', context.framework.findRange(page, page + 1), found, new Set([context]));
    collect('interval', context.tree.find(page), found, new Set([context]));
    return found;
  }
}

function collect(name: string, value: unknown, found: Map<string, object>, seen: Set<object>): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) return;
  if (seen.has(value)) return;
  seen.add(value);
  found.set(name, value);
  for (const [field, each] of Object.entries(value)) collect(`${name}.${field}`, each, found, seen);
}

/** Names of `objects` that have another hidden class than those in `others`. */
function differences(objects: ReadonlyMap<string, object>, others: ReadonlyMap<string, object>): string[] {
  return [...objects].flatMap(([name, object]) => {
    const other = others.get(name);
    return other === undefined || haveSameHiddenClass(object, other) ? [] : [name];
  });
}

describe('hidden classes', () => {
  it.each(['v4', 'v7', 'v8'] as const)('stay what they are from the beginning: %s', (profile) => {
    const [fresh, begun, busy] = [new Scene(profile), new Scene(profile), new Scene(profile)];
    begun.begin();
    // Before: an object with an old class that code looks at gets the new one.
    const [ofFresh, ofBegun] = [fresh.objects(), begun.objects()];
    busy.work();
    const ofBusy = busy.objects();
    expect(differences(ofFresh, ofBusy)).toEqual([]);
    expect(differences(ofBegun, ofBusy)).toEqual([]);
    expect(ofFresh.size).toBeGreaterThan(30);
    expect([...ofBegun.keys()]).toEqual(expect.arrayContaining(['range', 'interval']));
  });
});
