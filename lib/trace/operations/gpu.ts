/** What the GPU does: faults, accesses, and its interrupt rings (spec/trace-format §3). */
import type { AccessResult, PteState } from '../../../emulator/index.ts';
import { PTE_STATE_MEANINGS } from '../../words/faults.ts';
import { bytesAt } from '../../words/sizes.ts';
import { hex } from '../format/hex.ts';
import { bareAnswer, readTimestamp, writeInterval, writeTimestamp } from './common.ts';
import { defineOperation } from './descriptor.ts';
import type { BareAnswer } from './descriptor.ts';
import { gpuValues, LARGEST_VALUE, writeGpuValue } from './values.ts';
import type { ValueRun } from './values.ts';
import { FIELDS } from './form.ts';
import { counted } from '../../words/counted.ts';

const { address: addr, size: len, write } = FIELDS;
const U64_END = 1n << 64n;

export const fault = defineOperation({
  name: 'fault',
  perGpu: true,
  needs: 'svm-lock-asleep',
  enters: 'fault',
  parse: (fields) => {
    fields.only('addr', 'write', 'pasid', 'ts');
    const operation: {
      readonly name: 'fault';
      readonly gpu: number;
      readonly address: bigint;
      readonly write: boolean;
      pasid?: number;
      timestamp?: number;
    } = { name: 'fault', gpu: fields.gpu, address: fields.u64('addr'), write: fields.boolean('write') };
    if (fields.has('pasid')) operation.pasid = fields.count('pasid');
    if (fields.has('ts')) operation.timestamp = readTimestamp(fields);
    return operation;
  },
  perform: ({ machine, device }, operation, wake?: (answer: BareAnswer) => void): BareAnswer => ({
    ret: machine.scope.run(() =>
      device.raiseFault(operation, wake === undefined ? undefined : (result) => wake({ ret: result })),
    ),
  }),
  record: (entry) => ({
    operation: {
      fault: {
        addr: hex(entry.address),
        write: entry.write,
        ...(entry.pasid === undefined ? {} : { pasid: entry.pasid }),
        ...writeTimestamp(entry),
      },
    },
    answer: bareAnswer(entry),
  }),
  sentence: (operation) =>
    `The GPU faults at 0x${operation.address.toString(16)} for ${operation.write ? 'writing' : 'reading'}`,
  label: (operation) => (operation.write ? 'write' : 'read'),
  form: { label: 'GPU fault', fields: { addr, write } },
});

/** Pages in a row with one outcome; first page and number of pages as hex. */
type TraceAccessRun = readonly [outcome: string, startPage: string, pages: string, state?: PteState];

/** The answer of a GPU access; `vals` where contents were asked for. */
export interface AccessAnswer extends BareAnswer {
  readonly faults: number;
  readonly runs: readonly TraceAccessRun[];
  readonly vals?: readonly ValueRun[];
}

/** The pages that were not failed, ascending. */
function servedPages(runs: AccessResult['runs']): number[] {
  return runs
    .filter(({ outcome }) => outcome !== 'failed')
    .flatMap(({ startPage, pages }) => Array.from({ length: pages }, (_, index) => startPage + index));
}

function accessAnswer(access: AccessResult): AccessAnswer {
  return {
    ret: access.result,
    faults: access.faults,
    runs: access.runs.map((run) =>
      run.state === undefined
        ? [run.outcome, hex(run.startPage), hex(run.pages)]
        : [run.outcome, hex(run.startPage), hex(run.pages), run.state],
    ),
  };
}

export const gpureset = defineOperation({
  name: 'gpureset',
  perGpu: true,
  parse: (fields) => {
    fields.only('on');
    return { name: 'gpureset', gpu: fields.gpu, on: fields.boolean('on') };
  },
  perform: ({ device }, { on }): BareAnswer => {
    device.setInReset(on);
    return { ret: 0 };
  },
  record: (entry) => ({ operation: { gpureset: { on: entry.on } }, answer: bareAnswer(entry) }),
  sentence: ({ on }) => `A reset of the GPU ${on ? 'begins' : 'ends'}`,
  label: ({ on }) => (on ? 'begins' : 'ends'),
});

export const access = defineOperation({
  name: 'access',
  perGpu: true,
  needs: 'svm-lock',
  enters: 'fault',
  parse: (fields) => {
    fields.only('addr', 'len', 'write', 'ts', 'value', 'vals');
    const address = fields.u64('addr');
    const size = fields.u64('len');
    const timestamp = fields.has('ts') ? readTimestamp(fields) : undefined;
    const value = fields.has('value') ? fields.count('value', LARGEST_VALUE) : undefined;
    const operation: {
      readonly name: 'access';
      readonly gpu: number;
      readonly address: bigint;
      readonly size: bigint;
      readonly write: boolean;
      timestamp?: number;
      value?: number;
      showsValues?: boolean;
    } = { name: 'access', gpu: fields.gpu, address, size, write: value !== undefined || fields.boolean('write') };
    if (timestamp !== undefined) operation.timestamp = timestamp;
    // A value given without `write` is shown, too.
    if (fields.has('vals')) operation.showsValues = fields.boolean('vals');
    else if (value !== undefined) operation.showsValues = !fields.has('write') || !fields.boolean('write');
    if (value !== undefined) operation.value = value;
    return operation;
  },
  perform: ({ device, file }, operation): AccessAnswer => {
    // Behind 2^64 the addresses begin again: the last page lies before the first, and none is touched.
    if (operation.address + operation.size > U64_END) {
      return { ret: 0, faults: 0, runs: [], ...(operation.showsValues === true ? { vals: [] } : {}) };
    }
    // Written out: objects made by spreading have a hidden class each.
    const { address, size, write, timestamp } = operation;
    const request = { address, size, write, file };
    const done = device.access(timestamp === undefined ? request : { ...request, timestamp });
    const answer = accessAnswer(done);
    if (operation.showsValues === undefined) return answer;
    const pages = servedPages(done.runs);
    if (operation.value !== undefined) writeGpuValue(device, file, pages, operation.value);
    return operation.showsValues ? { ...answer, vals: gpuValues(device, file, pages) } : answer;
  },
  record: (entry) => ({
    operation: { access: { ...writeInterval(entry), write: entry.write, ...writeTimestamp(entry) } },
    answer: accessAnswer(entry.access),
  }),
  sentence: (operation) => `The GPU ${operation.write ? 'writes' : 'reads'} ${bytesAt(operation)}`,
  outcome: (_, { runs }) => accessSentences(runs),
  label: (operation) => `GPU ${operation.write ? 'writes' : 'reads'}`,
  form: { label: 'GPU touches', fields: { addr, len, write } },
});

/** Pages that needed no fault, pages that were not served, and PTEs that are not right. */
function accessSentences(runs: readonly TraceAccessRun[]): string[] {
  const sumOf = (some: readonly TraceAccessRun[]): string => {
    const count = some.reduce((sum, [, , pages]) => sum + Number(pages), 0);
    return count === 0 ? '' : counted(count, 'page');
  };
  const hits = sumOf(runs.filter(([outcome]) => outcome === 'hit'));
  const failed = sumOf(runs.filter(([outcome]) => outcome === 'failed'));
  const sentences = hits === '' ? [] : [`PTEs permit it on ${hits} without a fault.`];
  for (const state of new Set(runs.map(([, , , each]) => each))) {
    if (state === undefined || state === 'ok') continue;
    const pages = sumOf(runs.filter(([, , , each]) => each === state));
    sentences.push(`It goes through PTEs of ${pages} that are ${PTE_STATE_MEANINGS[state]}.`);
  }
  return failed === '' ? sentences : [...sentences, `${failed} not served.`];
}

export const ih = defineOperation({
  name: 'ih',
  perGpu: true,
  parse: (fields) => {
    fields.only('ring', 'pending', 'ts');
    return {
      name: 'ih',
      gpu: fields.gpu,
      ring: fields.word('ring', ['ih1', 'soft'] as const),
      pending: fields.boolean('pending'),
      timestamp: fields.has('ts') ? fields.count('ts') : 0,
    };
  },
  perform: ({ device }, operation): BareAnswer => {
    device.setInterruptRing(operation.ring, operation.pending, operation.timestamp);
    return { ret: 0 };
  },
  record: (entry) => ({
    operation: { ih: { ring: entry.ring, pending: entry.pending, ts: hex(entry.timestamp) } },
    answer: bareAnswer(entry),
  }),
  sentence: (operation) =>
    `Interrupt ring ${operation.ring} ${operation.pending ? `holds a fault of time ${operation.timestamp}` : 'is empty'}`,
  label: (operation) => `${operation.ring} ${operation.pending ? 'pending' : 'empty'}`,
});
