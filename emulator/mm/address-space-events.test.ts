import { describe, expect, it } from 'vitest';
import { AddressSpace } from './address-space.ts';
import { NotifierEvent } from './interval-notifier.ts';
import type { VmaKind } from './vma.ts';

const RW = 3;
const NAMES = Object.fromEntries(Object.entries(NotifierEvent).map(([name, code]) => [code, name]));

/** A space whose events are written down, with what the CPU maps at `probe` at that moment. */
function watched(start: number, end: number, kind: VmaKind, touch = true): { space: AddressSpace; events: string[] } {
  const space = new AddressSpace();
  const events: string[] = [];
  expect(space.map(start, end, RW, kind)).toBe(0);
  if (touch) space.touch(start, end, true);
  space.notifiers.insert({
    startPage: 0,
    endPage: 2 ** 52,
    sequence: 0,
    invalidate: (event, from, to) => events.push(`${NAMES[event]} ${from}-${to}`),
  });
  return { space, events };
}

describe('events of the address space', () => {
  it('has none for mapping and touching', () => {
    const { space, events } = watched(512, 1024, 'anon');
    space.map(1024, 1030, RW, 'anon');
    space.touch(512, 1030, true);
    expect(events).toEqual([]);
  });

  it('announces UNMAP for the whole argument, holes included, and not at all where nothing is mapped', () => {
    const { space, events } = watched(512, 520, 'anon');
    space.unmap(2000, 3000);
    space.unmap(100, 600);
    expect(events).toEqual(['unmap 100-600']);
  });

  it('announces UNMAP before the pages leave, but when the VMAs are gone', () => {
    const { space } = watched(512, 520, 'anon');
    let seen: unknown;
    space.notifiers.insert({
      startPage: 0,
      endPage: 2 ** 52,
      sequence: 0,
      invalidate: () => void (seen = [space.pages.frameOf(512) !== 0, space.findVma(512)]),
    });
    space.unmap(512, 520);
    expect(seen).toEqual([true, undefined]);
  });

  it('announces a change of protection piece by piece, and not for a VMA with equal flags', () => {
    const { space, events } = watched(512, 520, 'anon');
    space.protect(514, 516, 1);
    space.protect(512, 520, 1);
    expect(events).toEqual(['protectionVma 514-516', 'protectionVma 512-514', 'protectionVma 516-520']);
  });

  it('announces CLEAR for each piece of a discard', () => {
    const { space, events } = watched(512, 520, 'anon');
    space.map(530, 540, RW, 'anon');
    space.discard(515, 535);
    expect(events).toEqual(['clear 515-520', 'clear 530-535']);
  });

  it('announces RELEASE and UNMAP of everything when the process exits', () => {
    const { space, events } = watched(512, 520, 'anon');
    space.exit();
    expect(events).toEqual([`release 0-${2 ** 52}`, `unmap 0-${2 ** 52}`]);
    expect([space.hasUsers, space.vmas.size, space.pages.frameOf(512)]).toEqual([false, 0, 0]);
  });
});

describe('huge blocks', () => {
  it('are mapped as one at the first touch of any page of an empty block inside the VMA', () => {
    const { space } = watched(500, 1600, 'thp', false);
    expect(space.touch(600, 601, false)).toEqual({ result: 0, pages: 1, fresh: 1, back: 0 });
    expect([
      space.pages.isHuge(512),
      space.pages.frameOf(512) % 512,
      space.pages.frameOf(1023) - space.pages.frameOf(512),
    ]).toEqual([true, 0, 511]);
    // The pieces at both ends are no whole blocks.
    expect(space.touch(500, 512, true).fresh).toBe(12);
    expect(space.touch(1536, 1600, true).fresh).toBe(64);
    expect([space.pages.isHuge(500), space.pages.isHuge(1536)]).toEqual([false, false]);
  });

  it('are not for other kinds', () => {
    const { space } = watched(512, 1024, 'anon');
    expect(space.pages.isHuge(512)).toBe(false);
  });

  it('are split by a partial munmap, with CLEAR of the whole block before UNMAP of the part', () => {
    const { space, events } = watched(512, 1536, 'thp');
    space.unmap(600, 1100);
    expect(events).toEqual(['clear 512-1024', 'clear 1024-1536', 'unmap 600-1100']);
    expect([space.pages.isHuge(512), space.pages.isHuge(1100)]).toEqual([false, false]);
  });

  it('are not split by a munmap of whole blocks', () => {
    const { space, events } = watched(512, 1536, 'thp');
    space.unmap(1024, 1536);
    expect(events).toEqual(['unmap 1024-1536']);
    expect(space.pages.isHuge(512)).toBe(true);
  });

  it('are split by a partial mprotect, with CLEAR of the block before the event of the piece', () => {
    const { space, events } = watched(512, 1024, 'thp');
    space.protect(512, 600, 1);
    expect(events).toEqual(['clear 512-1024', 'protectionVma 512-600']);
    const frame = space.pages.frameOf(700);
    expect([space.pages.isHuge(512), frame]).toEqual([false, space.pages.frameOf(512) + 188]);
  });

  it('are split by a partial discard, with CLEAR of the block after the event of the piece', () => {
    const { space, events } = watched(512, 2048, 'thp');
    space.discard(600, 1700);
    expect(events).toEqual(['clear 600-1700', 'clear 512-1024', 'clear 1536-2048']);
    expect([
      space.pages.frameOf(599) !== 0,
      space.pages.frameOf(600),
      space.pages.frameOf(1024),
      space.pages.frameOf(1699),
    ]).toEqual([true, 0, 0, 0]);
    expect(space.pages.frameOf(1700)).not.toBe(0);
  });

  it('are split on both sides of a discard that reaches from one into the next', () => {
    const { space, events } = watched(512, 1536, 'thp');
    space.discard(600, 1100);
    expect(events).toEqual(['clear 600-1100', 'clear 512-1024', 'clear 1024-1536']);
    expect([space.pages.isHuge(512), space.pages.isHuge(1024)]).toEqual([false, false]);
  });

  it('are not split by a discard of whole blocks', () => {
    const { space, events } = watched(512, 2048, 'thp');
    space.discard(512, 1536);
    expect(events).toEqual(['clear 512-1536']);
    expect([space.pages.frameOf(1535), space.pages.isHuge(1536)]).toEqual([0, true]);
  });

  it('can come again when a split block is empty', () => {
    const { space } = watched(512, 1024, 'thp');
    space.discard(512, 513);
    expect(space.touch(512, 1024, true).fresh).toBe(1);
    expect(space.pages.isHuge(512)).toBe(false);
    space.discard(512, 1024);
    expect(space.touch(700, 701, true).fresh).toBe(1);
    expect(space.pages.isHuge(512)).toBe(true);
  });
});
