import { describe, expect, it } from 'vitest';
import { chromeTraceFaults } from '../../../test/support/chrome-trace-schema.ts';
import type { ChromeTrace } from '../export/chrome-events.ts';
import { chromeTraceOf } from '../export/chrome-exporter.ts';
import { lanesOf, shownLanes } from '../../inspect/model/lanes.ts';
import { InspectorSession } from '../../inspect/model/session.ts';
import { VramFill } from '../../inspect/model/vram-fill.ts';
import type { TraceLine } from '../format/parse-trace.ts';
import { parseTrace } from '../format/read-trace.ts';
import type { TraceAnswer } from '../operations/index.ts';
import { replayTrace } from './replay.ts';
import { stateAfter, statesLines } from './snapshot.ts';

function linesOf(operations: readonly object[]): TraceLine[] {
  return parseTrace('vram', operations.map((operation) => JSON.stringify(operation)).join('\n'));
}

function answersOf(...operations: readonly object[]): TraceAnswer[] {
  const answers: TraceAnswer[] = [];
  const { difference } = replayTrace(linesOf(operations), {
    check: false,
    onAnswer: (_, answer) => answers.push(answer),
  });
  expect(difference).toBeUndefined();
  return answers;
}

const addr = '0x10000000';
const PAGES = { addr, len: '0x10000' };
/** An operation of GPU 0 on another one, if it is about a GPU. */
function onGpu(operation: object, gpu: number): object {
  const [[name, fields]] = Object.entries(operation) as [[string, object]];
  return ['set', 'fault'].includes(name) ? { [name]: { ...fields, gpu } } : operation;
}

/** 64 KiB of a process lie in VRAM, each page with 3 in it. */
const IN_VRAM = [
  { config: { profile: 'v8', vram: '0x1000000', thpMig: false } },
  { mmap: { addr, len: '0x200000', prot: 'rw', kind: 'anon' } },
  { store: { ...PAGES, value: 3 } },
  { set: { addr, size: '0x10000', attrs: [[0, 1]] } },
  { fault: { addr, write: true } },
];

describe('replays of a machine with VRAM', () => {
  it('lets a SET_ATTR whose split brings pages home sleep until those are where they go', () => {
    // A context that is being closed does not see that the pages leave: its range still leads to them.
    const set = { addr: '0x10002000', size: '0x1000', attrs: [[8, 1]] };
    const answers = answersOf(
      ...IN_VRAM,
      { close: {} },
      { load: { addr, inject: [{ at: 'copy', do: { set } }] } },
      { load: PAGES },
    );
    expect(answers.at(-2)!.inj).toEqual([{ at: 'copy', op: 'set', slept: true, ret: 0 }]);
    expect(answers.at(-1)!.vals).toEqual([[3, '0x10000', '0x10']]);
  });

  it('shows in a snapshot where each page lies, and how full VRAM is', () => {
    const lines = linesOf([...IN_VRAM, { touch: { addr: '0x10100000', len: '0x2000', write: true } }]);
    const [state] = stateAfter(lines, lines.length);
    expect(state!.places).toEqual([
      { startPage: 0x10000, pages: 16, gpu: 0 },
      { startPage: 0x10100, pages: 2, gpu: null },
    ]);
    const map = statesLines([state!]).join('\n');
    expect(map).toMatch(/0000-0*10010000 +64 KiB +lies in VRAM of GPU 0\n/);
    expect(map).toMatch(/10100000-0*10102000 +8 KiB +lies in system memory\n/);
    expect(map).toContain('VRAM: 64 KiB of SVM and 0 bytes of others, of 16 MiB');
    const lanes = lanesOf(state!);
    expect(lanes.memory.map(({ label }) => label)).toEqual(['VRAM of GPU 0', 'system memory']);
    expect(shownLanes(lanes)).toContain('memory');
    const [plain] = stateAfter(linesOf([{ config: {} }, IN_VRAM[1]!, IN_VRAM[2]!]), 3);
    expect([plain!.places, shownLanes(lanesOf(plain!)).includes('memory')]).toEqual([[], false]);
    expect(statesLines([plain!]).join()).not.toMatch(/lies in|VRAM/);
  });

  it('shows a chrome trace with threads of each GPU, its copies, and how full its VRAM is', () => {
    const [{ config }, ...rest] = IN_VRAM as [{ config: object }, ...object[]];
    const lines = linesOf([{ config: { ...config, gpus: 2 } }, ...rest.map((each) => onGpu(each, 1)), { load: PAGES }]);
    const trace = JSON.parse(JSON.stringify(chromeTraceOf(lines))) as ChromeTrace;
    expect(chromeTraceFaults(trace)).toEqual([]);
    const threads = new Map(
      trace.traceEvents
        .filter(({ name }) => name === 'thread_name')
        .map(({ tid, args }) => [String(args!['name']), tid] as const),
    );
    expect([...threads.keys()]).toContain('GPU 0: GPU page table');
    expect(threads.has('GPU 0: VRAM: buffers, copies, evictions')).toBe(false);
    const onThread = threads.get('GPU 1: VRAM: buffers, copies, evictions');
    expect(trace.traceEvents.filter(({ tid, ph }) => ph === 'X' && tid === onThread).map(({ name }) => name)).toEqual([
      'VRAM allocated',
      'copy to VRAM',
      'copy to system memory',
      'VRAM freed',
    ]);
    const fill = trace.traceEvents.filter(({ name }) => name === 'VRAM of GPU 1, bytes');
    expect(fill.map(({ args }) => args!['SVM'])).toEqual([0, 0x10000, 0]);
  });

  it('gives the inspector a curve and arrows', () => {
    const session = new InspectorSession(
      linesOf([...IN_VRAM, { vram: { bytes: '0x400000' } }, { load: PAGES }, { vramfree: { offset: '0x200' } }]),
    );
    const fill = new VramFill(session.steps);
    const parts = session.steps.map((_, step) => fill.partAt(step) * 256);
    // 64 KiB and 4 MiB of 16 MiB.
    expect([fill.any, parts]).toEqual([true, [0, 0, 0, 0, 1, 65, 64, 0]]);
    expect([4, 5, 6].map((step) => fill.arrowsAt(step))).toEqual(['→ VRAM 64 KiB', '', '← VRAM 64 KiB']);
    expect([fill.moves(0, 4), fill.moves(4, 8)]).toEqual([
      { in: false, home: false },
      { in: true, home: true },
    ]);
    expect(new VramFill(new InspectorSession(linesOf([{ config: {} }])).steps).any).toBe(false);
  });

  it('reads the fields of a configuration that no GPU with SVM looks at', () => {
    const plain = answersOf(...IN_VRAM);
    const { config } = IN_VRAM[0]!;
    expect(answersOf({ config: { ...config, rev: '0x10', atomics: true } }, ...IN_VRAM.slice(1))).toEqual(plain);
    expect(() => parseTrace('wrong', '{"config":{"atomics":1}}')).toThrow('config.atomics: expected true or false');
  });
});
