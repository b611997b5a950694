/** What happens to the driver itself: its collector, its end, and time (spec/trace-format §3). */
import { TraceFormatError } from '../format/fields.ts';
import type { Fields } from '../format/fields.ts';
import { hex } from '../format/hex.ts';
import { bareAnswer } from './common.ts';
import { defineOperation } from './descriptor.ts';
import type { BareAnswer } from './descriptor.ts';
import { FIELDS } from './form.ts';

export const advance = defineOperation({
  name: 'advance',
  parse: (fields) => {
    fields.only('ns');
    return { name: 'advance', gpu: 0, nanoseconds: fields.count('ns') };
  },
  perform: ({ machine }, { nanoseconds }) => {
    machine.clock.advance(nanoseconds);
    return { ret: 0, clock: hex(machine.clock.now) };
  },
  record: (entry) => ({
    operation: { advance: { ns: hex(entry.nanoseconds) } },
    answer: { ret: 0, clock: hex(entry.clock) },
  }),
  sentence: ({ nanoseconds }) => `${nanoseconds / 1_000_000} ms pass`,
  label: ({ nanoseconds: ns }) => `+${ns >= 1e6 ? `${ns / 1e6} ms` : ns >= 1e3 ? `${ns / 1e3} us` : `${ns} ns`}`,
  form: { label: 'advance time', fields: { ns: FIELDS.nanoseconds } },
});

export const gc = defineOperation({
  name: 'gc',
  perGpu: true,
  needs: 'svm-lock',
  enters: 'work',
  parse: (fields) => {
    fields.only();
    return { name: 'gc', gpu: fields.gpu };
  },
  perform: ({ device, file }) => ({ ret: 0, ran: device.runPendingWork(file) }),
  record: (entry) => ({ operation: { gc: {} }, answer: { ret: 0, ran: entry.ran } }),
  sentence: () => 'The garbage collector gets its turn',
  outcome: (_, { ran }, met) => {
    if (!ran) return ['Nothing is queued for it.'];
    return met('collected') ? [] : ['Its list is empty: a fault has collected already.'];
  },
  form: { label: 'run collector', fields: {} },
});

export const work = defineOperation({
  name: 'work',
  perGpu: true,
  needs: 'svm-lock',
  enters: 'work',
  parse: (fields) => {
    fields.only();
    return { name: 'work', gpu: fields.gpu };
  },
  perform: ({ device, file }) => ({ ret: 0, ran: device.runDueWork(file) }),
  record: (entry) => ({ operation: { work: {} }, answer: { ret: 0, ran: entry.ran } }),
  sentence: () => 'The works that are due get their turn',
  outcome: (_, { ran }) => (ran.length === 0 ? ['None is due.'] : []),
  form: { label: 'run due works', fields: {} },
});

export const kfd = defineOperation({
  name: 'kfd',
  perGpu: true,
  parse: (fields) => {
    fields.only('quiesce', 'resume');
    return {
      name: 'kfd',
      gpu: fields.gpu,
      quiesce: errnoField(fields, 'quiesce'),
      resume: errnoField(fields, 'resume'),
    };
  },
  perform: ({ device, file }, { quiesce, resume }): BareAnswer => {
    device.setKfdResults(file, {
      ...(quiesce === undefined ? {} : { quiesce }),
      ...(resume === undefined ? {} : { resume }),
    });
    return { ret: 0 };
  },
  record: ({ quiesce, resume }) => ({
    operation: { kfd: { ...(quiesce === undefined ? {} : { quiesce }), ...(resume === undefined ? {} : { resume }) } },
    answer: { ret: 0 },
  }),
  sentence: ({ quiesce, resume }) =>
    `From now on ${[
      ...(quiesce === undefined ? [] : [`stopping the queues gives ${quiesce}`]),
      ...(resume === undefined ? [] : [`resuming them gives ${resume}`]),
    ].join(', ')}`,
});

/** 0 or a negative errno; undefined if the field is not there. */
function errnoField(fields: Fields, name: string): number | undefined {
  if (!fields.has(name)) return undefined;
  const value = fields.raw(name);
  if (typeof value === 'number' && Number.isInteger(value) && value <= 0 && value >= -4095) return value;
  throw new TraceFormatError(
    `${fields.operation}.${name}: expected 0 or a negative errno down to -4095, got ${JSON.stringify(value)}`,
  );
}

export const close = defineOperation({
  name: 'close',
  perGpu: true,
  enters: 'end',
  parse: (fields) => {
    fields.only();
    return { name: 'close', gpu: fields.gpu };
  },
  perform: ({ device, file }): BareAnswer => {
    device.closeContext(file);
    return { ret: 0 };
  },
  record: (entry) => ({ operation: { close: {} }, answer: bareAnswer(entry) }),
  sentence: () => 'The SVM context is closed',
  outcome: () => ['From now on faults are killed and invalidations ignored.'],
  form: { label: 'close context', fields: {} },
});

/** Objects that are allocated after the end of a context. */
export interface FiniAnswer extends BareAnswer {
  readonly left?: { readonly ranges: number; readonly attrs: number; readonly dmaPages: number };
}

export const fini = defineOperation({
  name: 'fini',
  perGpu: true,
  needs: 'svm-lock',
  enters: 'end',
  parse: (fields) => {
    fields.only();
    return { name: 'fini', gpu: fields.gpu };
  },
  perform: ({ device, file }): FiniAnswer => {
    const left = device.finaliseContext(file);
    return left === undefined ? { ret: 0 } : { ret: 0, left };
  },
  record: (entry) => ({
    operation: { fini: {} },
    answer: entry.left === undefined ? { ret: 0 } : { ret: 0, left: entry.left },
  }),
  sentence: () => 'The SVM context is closed and finalised',
  outcome: (_, { left }: FiniAnswer) => (left === undefined ? [] : [`Still allocated: ${JSON.stringify(left)}.`]),
});
