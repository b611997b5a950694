import { describe, expect, it } from 'vitest';
import { COST_KINDS, costArgument, EmulatedMachine } from '../../../emulator/index.ts';
import { chromeTraceFaults } from '../../../test/support/chrome-trace-schema.ts';
import { ChromeTraceExporter, SvmDevice } from '../../index.ts';
import { parseTrace } from '../format/parse-trace.ts';
import { TraceRunner } from '../replay/runner.ts';
import type { ChromeEvent, ChromeTrace } from './chrome-events.ts';
import { chromeTraceOf } from './chrome-exporter.ts';

/** Two ranges go to VRAM that has room for one, one comes home, and while it does another thread discards a page. */
const TRACE = [
  { config: { profile: 'v8', gpus: 2, vram: 0x20_0000, cost: 'mi210' } },
  { mmap: { addr: '0x40000000', len: '0x800000', prot: 'rw', kind: 'anon' } },
  { touch: { addr: '0x40000000', len: '0x800000', write: true } },
  { set: { addr: '0x40000000', size: '0x800000', attrs: [[0, 1]] } },
  { access: { addr: '0x40000000', len: '0x400000', write: true } },
  { touch: { addr: '0x40200000', len: '0x1000', write: false } },
  { advance: { ns: 5000 } },
  { fault: { addr: '0x40600000', write: true, gpu: 1 } },
  {
    fault: {
      addr: '0x40400000',
      write: false,
      inject: [{ at: 'pages-got', nth: 1, do: { dontneed: { addr: '0x40401000', len: '0x1000' } } }],
    },
  },
];
const lines = (trace: readonly object[]) => parseTrace('t', trace.map((line) => JSON.stringify(line)).join('\n'));
const end = ({ ts, dur }: ChromeEvent): number => ts + dur!;
const slices = ({ traceEvents }: ChromeTrace, tid: number): ChromeEvent[] =>
  traceEvents.filter((event) => event.ph === 'X' && event.tid === tid);
const [OPERATIONS, PAGE_TABLE, VRAM, TIME, PROCESS_TIME] = [1, 3, 5, 6, 7];
const named = ({ traceEvents }: ChromeTrace): string[] =>
  traceEvents.flatMap(({ name, args }) => (name === 'thread_name' ? [String(args!['name'])] : []));

describe('a Chrome trace of what takes time', () => {
  const trace = chromeTraceOf(lines(TRACE));
  const spendings = [TIME, TIME + 10, PROCESS_TIME].flatMap((tid) => slices(trace, tid));
  const operations = slices(trace, OPERATIONS);
  const named8 = new Map(operations.map((slice, index) => [`${index} ${slice.name}`, slice]));

  it('keeps the rules', () => expect(chromeTraceFaults(trace)).toEqual([]));

  it('has threads for what time is spent on, only where there is a cost', () => {
    expect(named(trace)).toEqual(
      expect.arrayContaining([
        'GPU 0: what time is spent on (cost model)',
        'GPU 1: what time is spent on (cost model)',
        'the process: what time is spent on (cost model)',
      ]),
    );
    const [{ config }, ...rest] = TRACE as [{ config: { cost?: string } }, ...object[]];
    const { cost: _, ...free } = config;
    expect(named(chromeTraceOf(lines([{ config: free }, ...rest]))).join()).not.toContain('time');
  });

  it('shows all time once, each kind with its sum', () => {
    const runner = new TraceRunner();
    for (const { operation } of lines(TRACE)) runner.execute(operation);
    const { kinds } = runner.machine.costTotals!.machine;
    for (const kind of COST_KINDS) {
      const shown = spendings.filter(({ name }) => name === kind).reduce((sum, { dur }) => sum + dur! * 1000, 0);
      expect(Math.round(shown), kind).toBe(kinds[kind].nanoseconds);
    }
    const copies = spendings
      .filter(({ name }) => name === 'copy')
      .map(({ args }) => args as { bytes: number; times?: number });
    expect(copies.reduce((sum, { times = 1 }) => sum + times, 0)).toBe(kinds.copy.count);
    const { toVram, toSystem } = runner.machine.costTotals!.machine.bytes;
    expect(copies.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(toVram + toSystem);
  });

  it('has operations as long as what they spend', () => {
    for (const operation of operations.slice(1)) {
      const own = spendings.filter(({ ts, dur }) => {
        const middle = ts + dur! / 2;
        return middle > operation.ts && middle < end(operation);
      });
      const spent = own.reduce((sum, { dur }) => sum + dur!, operation.name === 'advance' ? 5 : 0);
      // A nanosecond for each thing that is shown where no time passed.
      expect(Math.abs(operation.dur! - spent), operation.name).toBeLessThan(0.05);
      for (const slice of own) expect(end(slice)).toBeLessThanOrEqual(end(operation) + 1e-6);
    }
    expect(named8.get('4 access')!.dur).toBeGreaterThan(1000);
    expect(named8.get('1 mmap')!.dur).toBeLessThan(0.05);
  });

  it('shows effects when they happened', () => {
    const access = named8.get('4 access')!;
    const copies = slices(trace, VRAM).filter(({ name, ts }) => name.startsWith('copy') && ts < end(access));
    const ends = slices(trace, TIME).filter(({ name, ts }) => name === 'copy' && ts < end(access));
    expect(copies.map(({ ts }) => Math.round(ts * 100))).toEqual(ends.map((slice) => Math.round(end(slice) * 100)));
    expect(copies.length).toBe(3);
    for (const written of slices(trace, PAGE_TABLE)) {
      const around = operations.find((operation) => operation.ts <= written.ts && end(written) <= end(operation));
      expect(around, written.name).toBeDefined();
    }
  });

  it('begins a fault when it is raised', () => {
    const begun = trace.traceEvents.filter(({ ph }) => ph === 'b').map(({ ts }) => ts);
    const raised = [TIME, TIME + 10]
      .flatMap((tid) => slices(trace, tid).filter(({ name }) => name === 'fault-delivery'))
      .map(({ ts }) => ts)
      .toSorted((one, other) => one - other);
    expect(begun.length).toBe(4);
    begun.forEach((ts, index) => expect(Math.abs(ts - raised[index]!)).toBeLessThan(0.05));
  });
});

it('a live export shows the same time', async () => {
  const machine = new EmulatedMachine({ profile: 'v8', vram: 4 << 20, cost: 'mi300x' });
  using device = SvmDevice.open({ emulator: machine.devices[0]! });
  const exporter = new ChromeTraceExporter(device.emulator!);
  const buffer = device.memory.map(4 << 20);
  buffer.write(0, new Uint8Array(buffer.size));
  device.setAttributes(buffer, { preferredLocation: 'device' });
  await device.createQueue().fill(buffer.address, 1, buffer.size);
  const trace = exporter.stop();
  expect(chromeTraceFaults(trace)).toEqual([]);
  const access = slices(trace, OPERATIONS).find(({ name }) => name === 'access')!;
  const copies = slices(trace, TIME).filter(({ name }) => name === 'copy');
  expect(copies.length).toBeGreaterThan(0);
  for (const copy of copies) {
    expect(copy.ts).toBeGreaterThan(access.ts);
    expect(end(copy)).toBeLessThan(end(access));
  }
});

it('does not grow with the faults of one operation', () => {
  const [config] = TRACE;
  const trace = chromeTraceOf(lines([config!, { access: { addr: '0x40000000', len: '0x800000', write: true } }]));
  expect(chromeTraceFaults(trace)).toEqual([]);
  expect(trace.traceEvents.length).toBeLessThan(120);
  const shown = slices(trace, TIME);
  expect(shown.filter(({ name }) => name === 'more').length).toBe(1);
  // 2048 pages, four faults each.
  const { faultDelivery, faultHandling } = costArgument('mi210')!;
  const spent = shown.reduce((sum, { dur }) => sum + dur! * 1000, 0);
  expect(Math.round(spent)).toBe(4 * 2048 * (faultDelivery + faultHandling));
});
