import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sample } from '../../../test/support/effort.ts';
import { randomTrace } from '../../../test/support/random-trace.ts';
import { parseTrace, readTraceFile } from '../../trace/format/read-trace.ts';
import { replayTrace } from '../../trace/replay/replay.ts';
import { answerText, markOf } from './describe.ts';
import { InspectorSession } from './session.ts';

const sessionOf = (text: string): InspectorSession => new InspectorSession(parseTrace('test', text));
const replays = (trace: string) => replayTrace(parseTrace('exported', trace), { check: true });
const mapping = { mmap: { addr: '0x10000000', len: '0x200000', prot: 'rw', kind: 'anon' } };
const fault = { fault: { addr: '0x10000000', write: true } };

describe('a session', () => {
  it('starts empty with a configuration', () => {
    const session = new InspectorSession();
    expect(session.steps.map(({ operation }) => operation.name)).toEqual(['config']);
    expect(session.stateAt(0).lanes.vmas).toEqual([]);
    expect(session.gcMajor).toBe(9);
  });

  it('shows the same state at a step, whichever way it is reached', () => {
    const trace = randomTrace(400, 7);
    const forward = sessionOf(trace);
    const states = forward.steps.map((_, index) => forward.stateAt(index));
    const other = sessionOf(trace);
    for (const index of [399, 398, 12, 11, 200, 0, 399, 13, 150, 151, 149]) {
      expect(other.stateAt(index).snapshot, `step ${index}`).toEqual(states[index]!.snapshot);
      expect(other.stateAt(index).changes, `step ${index}`).toEqual(states[index]!.changes);
    }
    expect(() => other.stateAt(400)).toThrow(RangeError);
  });

  it('prepares the states before a step bit by bit, and they are the same', () => {
    const trace = randomTrace(500, 11);
    const forward = sessionOf(trace);
    const states = forward.steps.map((_, index) => forward.stateAt(index));
    const session = sessionOf(trace);
    // Back as far as it goes, with now more and now less time to prepare; the last bits have to end.
    for (let index = 499; index >= 0; index -= 7) {
      for (let slice = 0; slice < index % 5; slice++) session.prepare(index, 1);
      expect(session.stateAt(index).snapshot, `step ${index}`).toEqual(states[index]!.snapshot);
      expect(session.stateAt(index).changes, `step ${index}`).toEqual(states[index]!.changes);
    }
    session.stateAt(480);
    let slices = 0;
    while (session.prepare(480, 1)) expect(slices++).toBeLessThan(5000);
    expect(session.prepare(480, 1)).toBe(false);
    expect(session.prepare(0, 1)).toBe(false);
    for (let index = 480; index > 400; index--) expect(session.stateAt(index)).toEqual({ ...states[index] });
  });

  it('prepares nothing of what was replaced or taken back', () => {
    const session = sessionOf(randomTrace(400, 4));
    const other = sessionOf(randomTrace(400, 4));
    session.prepare(390, 1);
    session.runAfter(200, { munmap: { addr: '0x10000000', len: '0x8000000' } });
    while (session.prepare(201, 5));
    expect(session.stateAt(201).snapshot.vmas).toEqual([]);
    expect(session.stateAt(150)).toEqual(other.stateAt(150));
    session.undo();
    for (const index of [201, 399, 200, 300])
      expect(session.stateAt(index), `step ${index}`).toEqual(other.stateAt(index));
    expect(session.runAfter(399, { gc: {} })).toBe(400);
  });

  it('says what an operation changed', () => {
    const session = sessionOf(
      [{ config: {} }, mapping, fault, { munmap: { addr: '0x10100000', len: '0x100000' } }]
        .map((each) => JSON.stringify(each))
        .join('\n'),
    );
    const lanesAdded = (step: number): string[] =>
      [...new Set([...session.stateAt(step).changes.added].map((identity) => identity.split(' ')[0]!))].sort();
    expect(lanesAdded(1)).toEqual(['vmas']);
    expect(lanesAdded(2)).toEqual(['attributes', 'notifiers', 'ptes', 'ranges']);
    expect(session.stateAt(3).changes.removed.map(({ lane }) => lane)).toContain('ptes');
    expect(session.stateAt(2).changes.removed).toEqual([]);
  });

  it('names the rule that decided a fault', () => {
    const session = sessionOf(
      [mapping, fault, fault, { fault: { addr: '0x0', write: false } }].map((each) => JSON.stringify(each)).join('\n'),
    );
    expect(session.steps.map(answerText)).toEqual(['ok', 'mapped', 'retry', 'retry']);
    expect(session.steps[2]!.decisions[0]!).toMatchObject({
      rule: expect.stringContaining('2 ms ago') as string,
      quirks: ['Q57'],
    });
    expect(session.steps[3]!.decisions[0]!.rule).toMatch(/^nothing is mapped there/);
    // Nobody handles the last one: that is a hazard of its own.
    expect(session.steps.map(markOf)).toEqual(['plain', 'fault', 'fault', 'hazard']);
  });

  it('finds the same hazards as a replay, at the same operations', () => {
    const lines = parseTrace('test', randomTrace(300, 5));
    const found = new Set<string>();
    replayTrace(lines, { check: false, onHazard: ({ operation, quirk }) => found.add(`${operation} ${quirk}`) });
    const own = new InspectorSession(lines).steps.flatMap(({ hazards }, index) =>
      hazards.map(({ quirk }) => `${index + 1} ${quirk}`),
    );
    expect(found.size).toBeGreaterThan(10);
    expect(new Set(own)).toEqual(found);
  });

  it('marks where it differs from the recording', () => {
    const session = sessionOf('{"in":{"gc":{}},"out":{"ret":0,"ran":true,"fx":[]}}');
    expect(session.steps[0]!.difference).toBe('ran');
    expect(markOf(session.steps[0]!)).toBe('differs');
  });
});

describe('operations by hand', () => {
  it('replace what stood after the step, and can be taken back', () => {
    const session = sessionOf(randomTrace(60, 3));
    const before = session.trace();
    const index = session.runAfter(20, { gc: {} });
    expect(index).toBe(21);
    expect(session.steps).toHaveLength(22);
    expect(session.stateAt(21).snapshot.clock).toBe(session.steps[20]!.clock);
    expect(session.canUndo).toBe(true);
    session.undo();
    expect(session.trace()).toBe(before);
    expect(session.canUndo).toBe(false);
    expect(session.stateAt(59).snapshot.clock).toBe(session.steps[59]!.clock);
  });

  it('leave the session as it was if they are none', () => {
    const session = new InspectorSession();
    expect(() => session.runAfter(0, { frobnicate: {} })).toThrow(/unknown operation/);
    expect(() => session.runAfter(0, { config: { gc: '9.4.2' } })).toThrow(/only the first operation/);
    expect(session.steps).toHaveLength(1);
  });
});

describe('the exported trace', () => {
  it('replays identically after every kind of driving', () => {
    const session = new InspectorSession();
    for (const operation of [
      mapping,
      fault,
      { set: { addr: '0x10000000', size: '0x100000', attrs: [[8, 1]] } },
      { advance: { ns: 3_000_000 } },
      { access: { addr: '0x10000000', len: '0x200000', write: true } },
      { gc: {} },
      { dump: {} },
    ]) {
      session.runAfter(session.steps.length - 1, operation);
    }
    expect(replays(session.trace())).toEqual({ operations: 8, compared: 8, unanswered: 0, difference: undefined });
  });

  it('replays identically for the recorded traces', () => {
    const folder = join(import.meta.dirname, '../../../test/vectors');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /\.jsonl(\.gz)?$/.test(name),
    );
    for (const name of sample(
      files.filter((_, index) => index % 4 === 0),
      4,
    )) {
      const session = new InspectorSession(readTraceFile(join(folder, name)));
      expect(
        session.steps.filter(({ difference }) => difference !== undefined),
        name,
      ).toEqual([]);
      expect(replays(session.trace()).difference, name).toBeUndefined();
    }
  });
});
