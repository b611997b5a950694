/** What the GPU does: faults, accesses, and its interrupt rings (spec/trace-format §3). */
import type { AccessResult, PteState } from '../../../emulator/index.ts';
import { PTE_STATE_MEANINGS } from '../../words/faults.ts';
import { bytesAt } from '../../words/sizes.ts';
import { hex } from '../format/hex.ts';
import { bareAnswer, readInterval, readTimestamp, writeInterval, writeTimestamp } from './common.ts';
import { defineOperation } from './descriptor.ts';
import type { BareAnswer } from './descriptor.ts';
import { FIELDS } from './form.ts';

const { address: addr, size: len, write } = FIELDS;
const U64_END = 1n << 64n;

export const fault = defineOperation({
  name: 'fault',
  perGpu: true,
  needs: 'svm-lock-asleep',
  parse: (fields): { address: bigint; write: boolean; pasid?: number; timestamp?: number } => {
    fields.only('addr', 'write', 'pasid', 'ts');
    return {
      address: fields.u64('addr'),
      write: fields.boolean('write'),
      ...(fields.has('pasid') ? { pasid: fields.count('pasid') } : {}),
      ...readTimestamp(fields),
    };
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
export type TraceAccessRun = readonly [outcome: string, startPage: string, pages: string, state?: PteState];

function accessAnswer(access: AccessResult): { ret: number; faults: number; runs: readonly TraceAccessRun[] } {
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

export const access = defineOperation({
  name: 'access',
  perGpu: true,
  needs: 'svm-lock',
  parse: (fields): { address: bigint; size: bigint; write: boolean; timestamp?: number } => {
    fields.only('addr', 'len', 'write', 'ts');
    return { ...readInterval(fields), write: fields.boolean('write'), ...readTimestamp(fields) };
  },
  perform: ({ device, file }, operation) => {
    // Behind 2^64 the addresses begin again: the last page lies before the first, and none is touched.
    if (operation.address + operation.size > U64_END) return { ret: 0, faults: 0, runs: [] };
    return accessAnswer(device.access({ ...operation, file }));
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
    return count === 0 ? '' : `${count} page${count === 1 ? '' : 's'}`;
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
