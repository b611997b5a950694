import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { EmulatedMachine } from '../../../emulator/index.ts';
import { SvmDevice } from '../../index.ts';
import { chromeTraceOf } from '../export/chrome-exporter.ts';
import { parseTrace, readTraceFile } from '../format/read-trace.ts';
import { explainTrace } from './explain.ts';
import { replayTrace } from './replay.ts';
import { stateAfter } from './snapshot.ts';

const folder = mkdtempSync(join(tmpdir(), 'amdgpu-svm-gpus-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const V = '0x10000000';
const lines = parseTrace(
  'two',
  [
    { config: { gpus: 2 } },
    { mmap: { addr: V, len: '0x200000', prot: 'rw', kind: 'anon' } },
    { access: { addr: V, len: '0x1000', write: true, gpu: 1 } },
    { set: { addr: V, size: '0x1000', attrs: [[8, 1]] } },
    { munmap: { addr: V, len: '0x200000' } },
  ]
    .map((each) => JSON.stringify(each))
    .join('\n'),
);

it('operations go to the GPU that they name, and effects name theirs', () => {
  const answers: (readonly unknown[])[] = [];
  replayTrace(lines, {
    check: false,
    onAnswer: (_, answer) => answers.push((answer.fx ?? []).map((effect) => (effect[0] === '@' ? effect : effect[0]))),
  });
  expect(answers[2]).toEqual([['@', 1], 'notifier+', 'range+', 'dma+', 'pte']);
  expect(answers[4]).toEqual([['@', 1], 'zap', 'tlb', 'dma-', 'gc+']);
  const states = stateAfter(lines, 4);
  expect(states.map(({ attributes, ranges }) => [attributes.length, ranges.length])).toEqual([
    [1, 0],
    [1, 1],
  ]);
});

it('are told and exported with their number', () => {
  const told: string[] = [];
  explainTrace(lines, (line) => told.push(line));
  expect(told.find((line) => line.startsWith('3.'))).toBe('3. GPU 1: The GPU writes 4 KiB at 0x10000000.');
  expect(told).toContain('   GPU 1: PTEs are written: 2 MiB at 0x10000000.');
  const { traceEvents } = chromeTraceOf(lines);
  expect(traceEvents.some(({ name }) => name === 'fault GPU 1 0x10000000 write')).toBe(true);
});

it('a GPU that the machine does not have, or an operation about none, is refused by name', () => {
  const of = (operation: object) => parseTrace('x', JSON.stringify(operation));
  expect(replayTrace(of({ dump: { gpu: 1 } }), { check: false }).difference?.actual).toMatch(
    /gpu: expected 0, the only/,
  );
  expect(() => of({ munmap: { addr: V, len: '0x1000', gpu: 1 } })).toThrow(/munmap.gpu: unknown field/);
});

it('one recording holds all devices of its process', async () => {
  const file = join(folder, 'both.jsonl');
  const machine = new EmulatedMachine({ gpus: 2 });
  const [first, second] = machine.devices.map((emulator) => SvmDevice.open({ emulator, record: file }));
  const buffer = first!.memory.map(2 << 20);
  await first!.createQueue().fill(buffer.address, 1, 4096);
  await second!.createQueue().fill(buffer.address, 2, 4096);
  second!.setAttributes(buffer, { coherent: false });
  machine.devices[1]!.setInterruptRing('ih1', true, 7);
  buffer.discard();
  first!.close();
  second!.close();
  expect(readdirSync(folder)).toEqual(['both.jsonl']);
  const recorded = readTraceFile(file);
  const { difference, compared } = replayTrace(recorded, { check: true });
  expect(difference).toBeUndefined();
  expect(compared).toBe(recorded.length);
  expect(recorded.filter(({ operation }) => operation.gpu === 1).map(({ operation }) => operation.name)).toEqual(
    expect.arrayContaining(['access', 'set', 'ih', 'fini']),
  );
  expect(readFileSync(file, 'utf8')).toContain('"gpus":2');
});
