import { describe, expect, it, vi } from 'vitest';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { EmulatedMachine } from '../../../emulator/index.ts';
import { SvmDevice } from '../../index.ts';
import { importChromeTrace } from '../../../test/support/chrome-trace-import.ts';
import { chromeTraceFaults } from '../../../test/support/chrome-trace-schema.ts';
import { sample } from '../../../test/support/effort.ts';
import { randomTrace } from '../../../test/support/random-trace.ts';
import { chromeTraceOf } from './chrome-exporter.ts';
import { ChromeTraceExporter } from './live-exporter.ts';
import type { ChromeTrace } from './chrome-events.ts';
import { parseTrace, readTraceFile } from '../format/read-trace.ts';

/** As a reader of the file sees it. */
const written = (trace: ChromeTrace): ChromeTrace => JSON.parse(JSON.stringify(trace)) as ChromeTrace;
const traceOf = (...operations: object[]): ChromeTrace =>
  written(chromeTraceOf(parseTrace('test', operations.map((each) => JSON.stringify(each)).join('\n'))));
const mapping = { mmap: { addr: '0x10000000', len: '0x200000', prot: 'rw', kind: 'anon' } };
const asynchronous = (trace: ChromeTrace) =>
  trace.traceEvents
    .filter(({ cat }) => cat === 'fault')
    .map(({ ph, args }) => [ph, args?.['outcome'] ?? args?.['raised']]);

describe('stopped queues', () => {
  const OFF = { config: { profile: 'v7-xnack-off', xnackOff: true } };
  const SET = { set: { addr: '0x10000000', size: '0x200000', attrs: [[2, 2]] } };
  const DISCARD = { dontneed: { addr: '0x10000000', len: '0x1000' } };
  const later = [{ advance: { ns: 1_000_000 } }, { work: {} }];
  const track = (...operations: object[]) => {
    const trace = traceOf(OFF, mapping, SET, ...operations);
    expect(chromeTraceFaults(trace)).toEqual([]);
    return trace.traceEvents
      .filter(({ cat }) => cat === 'queues')
      .map(({ ph, name, id, ts, args }) => [ph, name, id, Math.round(ts), args?.['outcome']]);
  };

  it('are a track from the event to the work that resumes them, each stop with a number of its own', () => {
    // The clock begins at 1 s.
    expect(track(DISCARD, ...later, DISCARD, ...later)).toEqual([
      ['b', 'queues stopped', 'stop1', 1_000_000, undefined],
      ['e', 'queues stopped', 'stop1', 1_001_000, 'resumed'],
      ['b', 'queues stopped', 'stop2', 1_001_000, undefined],
      ['e', 'queues stopped', 'stop2', 1_002_000, 'resumed'],
    ]);
  });

  it('are none where KFD refuses to stop them, and end with the export where it refuses to resume', () => {
    expect(track({ kfd: { quiesce: -3 } }, DISCARD, ...later)).toEqual([]);
    expect(track({ kfd: { resume: -5 } }, DISCARD, ...later).map(([ph, , , , outcome]) => [ph, outcome])).toEqual([
      ['b', undefined],
      ['e', 'stopped still'],
    ]);
  });
});

describe('a fault in flight', () => {
  it('is a track of its own with an arrow to the mapping that served it', () => {
    const trace = traceOf(mapping, { fault: { addr: '0x10000000', write: true } });
    expect(chromeTraceFaults(trace)).toEqual([]);
    expect(asynchronous(trace)).toEqual([
      ['b', undefined],
      ['e', 'mapped'],
    ]);
    const [start, end] = trace.traceEvents.filter(({ ph }) => ph === 's' || ph === 'f');
    expect(start!.id).toBe(end!.id);
    const target = trace.traceEvents.find(({ ph, tid, ts }) => ph === 'X' && tid === end!.tid && ts === end!.ts);
    expect(target!.name).toBe('PTEs written');
  });

  it('ends where an errno kills it, without an arrow', () => {
    const trace = traceOf({ mmap: { ...mapping.mmap, prot: 'r' } }, { fault: { addr: '0x10000000', write: true } });
    expect(asynchronous(trace)).toEqual([
      ['b', undefined],
      ['e', 'killed: EPERM'],
    ]);
    expect(trace.traceEvents.some(({ ph }) => ph === 's')).toBe(false);
  });

  it('stays open over refaults until it is served', () => {
    const fault = { fault: { addr: '0x10000000', write: false } };
    const trace = traceOf(
      mapping,
      fault,
      { dontneed: { addr: '0x10000000', len: '0x200000' } },
      fault,
      fault,
      { advance: { ns: 3_000_000 } },
      fault,
    );
    expect(chromeTraceFaults(trace)).toEqual([]);
    // The second and third fall into the 2 ms window (Q57).
    expect(asynchronous(trace)).toEqual([
      ['b', undefined],
      ['e', 'mapped'],
      ['b', undefined],
      ['n', 2],
      ['n', 3],
      ['e', 'mapped'],
    ]);
  });

  it('that nothing serves ends with the trace', () => {
    expect(asynchronous(traceOf({ fault: { addr: '0x0', write: false } }))).toEqual([
      ['b', undefined],
      ['e', 'never served'],
    ]);
  });

  it('of a second thread has its slice on the thread of that', () => {
    const trace = traceOf(mapping, {
      set: {
        addr: '0x10000000',
        size: '0x200000',
        attrs: [[1, 1]],
        inject: [{ at: 'pte-committed', do: { fault: { addr: '0x10001000', write: false } } }],
      },
    });
    expect(chromeTraceFaults(trace)).toEqual([]);
    expect(trace.traceEvents.filter(({ ph, tid }) => ph === 'X' && tid === 2).map(({ name }) => name)).toContain(
      'fault',
    );
  });
});

describe('time', () => {
  it('is the virtual clock, with an order of its own while the clock stands still', () => {
    const trace = traceOf(mapping, { gc: {} }, { advance: { ns: 5000 } }, { gc: {} });
    const slices = trace.traceEvents.filter(({ ph, tid }) => ph === 'X' && tid === 1);
    expect(slices.map(({ name }) => name)).toEqual(['mmap', 'gc', 'advance', 'gc']);
    expect(slices.map(({ ts }) => Math.floor(ts))).toEqual([1e6, 1e6, 1e6, 1e6 + 5]);
    expect(new Set(slices.map(({ ts }) => ts)).size).toBe(4);
  });
});

it('keeps the rules for every recorded trace', () => {
  const folder = join(import.meta.dirname, '../../../test/vectors');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.jsonl(\.gz)?$/.test(name),
  );
  expect(files.length).toBeGreaterThan(10);
  for (const name of sample(files, 8))
    expect(chromeTraceFaults(written(chromeTraceOf(readTraceFile(join(folder, name))))), name).toEqual([]);
});

describe('as ui.perfetto.dev imports it', () => {
  it('every arrow leads from an operation to the PTEs that it wrote', () => {
    const { traceEvents } = written(chromeTraceOf(parseTrace('random', randomTrace(1500, 3))));
    const { arrows } = importChromeTrace(traceEvents as unknown as Record<string, unknown>[]);
    expect(arrows.length).toBeGreaterThan(50);
    for (const { id, from, to } of arrows)
      expect(`${id}: ${from} to ${to}`).toMatch(/: (fault|access) to (more: )?PTEs written/);
  });

  const good = traceOf(mapping, { fault: { addr: '0x10000000', write: true } }, { advance: { ns: 10 } });
  type Loose = { ph: string; ts: number; dur?: number; tid?: number; args?: Record<string, unknown> };
  it.each<[string, (event: Loose) => void, RegExp]>([
    [
      'an arrow that begins outside of its slice',
      (event) => event.ph === 's' && (event.ts += 1),
      /arrow 0x1 .*outside|flow .* goes back/,
    ],
    [
      'an arrow that ends on a thread without a slice',
      (event) => event.ph === 'f' && (event.tid = 2),
      /ends outside of any slice/,
    ],
    [
      'a slice that reaches out of another',
      (event) => event.ph === 'X' && event.tid === 1 && (event.dur! *= 3),
      /overlap|reaches out/,
    ],
    ['a time between nanoseconds', (event) => event.ph === 'C' && (event.ts += 0.0004), /no whole nanosecond/],
    ['a thread without a name', (event) => event.tid === 4 && event.ph === 'X' && (event.tid = 9), /has no name/],
    [
      'a counter that is no number',
      (event) => event.ph === 'C' && (event.args = { handled: 'two' }),
      /expected numbers/,
    ],
    ['a track that never ends', (event) => event.ph === 'e' && (event.ph = 'n'), /never ends/],
  ])('%s would be seen', (_what, spoil, complaint) => {
    const spoilt = structuredClone(good) as unknown as { traceEvents: Loose[] };
    for (const event of spoilt.traceEvents) spoil(event);
    expect(chromeTraceFaults(spoilt).join('\n')).toMatch(complaint);
  });
});

it('stays under 20 MB for 10,000 operations', () => {
  const text = JSON.stringify(chromeTraceOf(parseTrace('random', randomTrace(10_000))));
  const trace = JSON.parse(text) as ChromeTrace;
  expect(chromeTraceFaults(trace)).toEqual([]);
  expect(trace.otherData['operations']).toBe('10000');
  expect(text.length).toBeLessThan(20_000_000);
  expect(trace.traceEvents.filter(({ ph }) => ph === 'f').length).toBeGreaterThan(100);
});

it('does not grow with the size of one operation', () => {
  const size = '0x40000000';
  const trace = traceOf(
    { mmap: { addr: '0x10000000', len: size, prot: 'rw', kind: 'anon' } },
    { set: { addr: '0x10000000', size, attrs: [[1, 1]] } },
  );
  expect(chromeTraceFaults(trace)).toEqual([]);
  expect(trace.traceEvents.length).toBeLessThan(60);
});

it('follows a live machine, and stops once', () => {
  const machine = new EmulatedMachine();
  const device = machine.devices[0]!;
  expect(() => new ChromeTraceExporter(device)).toThrow(expect.objectContaining({ code: 'ERR_SVM_NO_FILE' }));
  device.open();
  const exporter = new ChromeTraceExporter(device);
  const address = machine.process.mmap({ size: 2 << 20 });
  device.fault({ address, write: true });
  machine.clock.advance(1000);
  const trace = exporter.stop('live');
  device.fault({ address, write: true });
  expect(exporter.stop()).toBe(trace);
  expect(chromeTraceFaults(written(trace))).toEqual([]);
  expect(asynchronous(trace).map(([phase]) => phase)).toEqual(['b', 'e']);
  expect(trace.traceEvents.filter(({ ph, tid }) => ph === 'X' && tid === 1).map(({ name }) => name)).toEqual([
    'config',
    'mmap',
    'fault',
    'advance',
  ]);
});

it('a live export that cannot go on says so once, and keeps what came before', async () => {
  const warnings: unknown[] = [];
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation((...values) => void warnings.push(values));
  const machine = new EmulatedMachine();
  const device = SvmDevice.open({ emulator: machine.devices[0]! });
  const buffer = device.memory.map(4096);
  const exporter = new ChromeTraceExporter(machine.devices[0]!);
  const slept: Promise<void>[] = [];
  for (let round = 0; round < 2; round++) {
    const stop = machine.at('hmm', () => {
      // The second one comes while the first one sleeps.
      for (let count = 0; count < 2; count++) slept.push(device.setAttributesAsync(buffer, { gpuReadOnly: true }));
    });
    machine.clock.advance(5_000_000);
    buffer.discard();
    machine.devices[0]!.fault({ address: buffer.address, write: true });
    stop();
  }
  await Promise.all(slept);
  spy.mockRestore();
  expect(warnings).toEqual([
    [
      expect.stringMatching(/^trace: the export of GPU 0 ends here: .* sleeps cannot be recorded$/),
      { type: 'AmdgpuSvmWarning', code: 'SVM_RECORDING' },
    ],
  ]);
  const trace = exporter.stop();
  expect(chromeTraceFaults(written(trace))).toEqual([]);
  expect(trace.traceEvents.filter(({ ph, tid }) => ph === 'X' && tid === 1).map(({ name }) => name)).toEqual([
    'config',
    'mmap',
    'advance',
    'dontneed',
  ]);
});
