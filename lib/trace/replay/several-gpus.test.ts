import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { EmulatedMachine, formatHazard } from '../../../emulator/index.ts';
import { SvmDevice } from '../../index.ts';
import { compareRecordings } from '../compare/diff.ts';
import { chromeTraceOf } from '../export/chrome-exporter.ts';
import { parseTrace, readTraceFile } from '../format/read-trace.ts';
import { explainTrace } from './explain.ts';
import { replayTrace } from './replay.ts';
import { stateAfter, statesLines } from './snapshot.ts';
import { temporaryFolder } from '../../../test/support/after-file.ts';

const folder = temporaryFolder();

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

it('a recorded fault names the PASID that the device of a replay knows, or does not', () => {
  const file = join(folder, 'pasids.jsonl');
  const machine = new EmulatedMachine({ gpus: 2 });
  const address = machine.process.mmap({ size: 4096 });
  // Files that were open before take the first numbers.
  machine.devices.forEach((device) => device.open().close());
  const [first, second] = machine.devices.map((emulator) => SvmDevice.open({ emulator, record: file }));
  const [own, other] = machine.devices.map((device) => device.files[0]!.vm.pasid) as [number, number];
  const results = [own, other, 0x8001, 0x8002].map((pasid) =>
    machine.devices[0]!.fault({ address, write: true, pasid }),
  );
  expect(results).toEqual([0, -95, -95, -95]);
  first!.close();
  second!.close();
  const recorded = readTraceFile(file);
  expect(replayTrace(recorded, { check: true })).toMatchObject({ compared: recorded.length, difference: undefined });
  expect(recorded.filter(({ operation }) => operation.name === 'fault')).toHaveLength(4);
});

it('hazards and maps name the GPU, where there are several', () => {
  const hazards = (gpus: number, gpu: object): string[] => {
    const told: string[] = [];
    const program = [
      { config: { gpus } },
      { mmap: { addr: V, len: '0x200000', prot: 'rw', kind: 'anon' } },
      { access: { addr: V, len: '0x1000', write: true, ...gpu } },
      { mprotect: { addr: V, len: '0x200000', prot: 'r' } },
      { fault: { addr: V, write: true, ...gpu } },
    ];
    const parsed = parseTrace('x', program.map((each) => JSON.stringify(each)).join('\n'));
    replayTrace(parsed, { check: false, onHazard: (hazard) => told.push(formatHazard(hazard)) });
    return told;
  };
  const one = hazards(1, {});
  expect(one.length).toBeGreaterThan(0);
  expect(one.join()).not.toContain('GPU 0');
  expect(hazards(2, { gpu: 1 })).toEqual(one.map((line) => line.replace(/(operation \d+: )/, '$1GPU 1: ')));
  const map = statesLines(stateAfter(lines, 3));
  expect(map.filter((line) => line.startsWith('GPU '))).toEqual(['GPU 0', 'GPU 1']);
  expect(map.findIndex((line) => line.includes('range mapped'))).toBeGreaterThan(map.indexOf('GPU 1'));
});

it('two recordings differ where the same is asked of another GPU', () => {
  const recorded = (gpu: object) =>
    parseTrace(
      'x',
      [{ config: { gpus: 2 } }, { in: { gc: gpu }, out: { ret: 0, ran: false, fx: [] } }]
        .map((each) => JSON.stringify(each))
        .join('\n'),
    );
  expect(compareRecordings(recorded({ gpu: 1 }), recorded({ gpu: 1 })).difference).toBeUndefined();
  expect(compareRecordings(recorded({ gpu: 1 }), recorded({ gpu: 0 })).difference).toMatchObject({
    kind: 'operation',
    operation: 1,
  });
});

it.each([0, 9, 4_294_967_296, '0xffffffffffffffff', -1, 1.5, '2', null, [2]])('%j GPUs are refused', (gpus) => {
  expect(() => parseTrace('x', JSON.stringify({ config: { gpus } }))).toThrow(/config\.gpus: expected /);
});

it('the limit of GPUs is named', () => {
  expect(() => parseTrace('x', '{"config":{"gpus":9}}')).toThrow('config.gpus: expected 1 to 8, got 9');
});
