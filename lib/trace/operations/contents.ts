/** Accesses of the CPU to what its pages hold (spec/trace-format-v8 §2). */
import { cpuPageValue, setCpuPageValue } from '../../../emulator/index.ts';
import type { PageValue } from '../../../emulator/index.ts';
import { processCallRefusal } from '../../words/refusals.ts';
import { bytesAt } from '../../words/sizes.ts';
import type { Fields } from '../format/fields.ts';
import { hex } from '../format/hex.ts';
import { writeInterval } from './common.ts';
import { defineOperation } from './descriptor.ts';
import type { BareAnswer } from './descriptor.ts';
import { FIELDS } from './form.ts';
import { touchAnswer } from './memory.ts';
import type { TouchAnswer, Touched } from './memory.ts';
import { joined, LARGEST_VALUE } from './values.ts';
import type { ValueRun } from './values.ts';

const { address: addr, size: len } = FIELDS;

/** The bytes of a line; without a length it is one page. */
function readSize(fields: Fields): bigint {
  return fields.has('len') ? fields.u64('len') : 1n;
}

/** The answer of a read. */
export interface LoadAnswer extends TouchAnswer {
  readonly vals: readonly ValueRun[];
}

export const store = defineOperation({
  name: 'store',
  parse: (fields) => {
    fields.only('addr', 'len', 'value');
    return {
      name: 'store',
      gpu: 0,
      address: fields.u64('addr'),
      size: readSize(fields),
      value: fields.count('value', LARGEST_VALUE),
    };
  },
  perform: ({ machine: { process } }, { address, size, value }, wake?: (answer: TouchAnswer) => void): TouchAnswer => {
    const onPage = (page: number): void => setCpuPageValue(process.space, page, value);
    const sleeper = wake === undefined ? {} : { sleeper: (late: Touched) => wake(touchAnswer(late)) };
    return touchAnswer(process.calls.touch(address, size, true, { onPage, ...sleeper }));
  },
  sentence: (operation) => `The CPU writes ${operation.value} to each page of ${bytesAt(operation)}`,
  refusal: (_, errno) => processCallRefusal('touch', errno),
  label: ({ value }) => `CPU writes ${value}`,
});

export const load = defineOperation({
  name: 'load',
  parse: (fields) => {
    fields.only('addr', 'len');
    return { name: 'load', gpu: 0, address: fields.u64('addr'), size: readSize(fields) };
  },
  perform: ({ machine: { process } }, { address, size }, wake?: (answer: LoadAnswer) => void): LoadAnswer => {
    const pages: number[] = [];
    const values: PageValue[] = [];
    const onPage = (page: number): void => {
      pages.push(page);
      values.push(cpuPageValue(process.space, page));
    };
    const answer = (touched: Touched): LoadAnswer => ({
      ...touchAnswer(touched),
      vals: joined(pages, (_, index) => values[index]!),
    });
    const sleeper = wake === undefined ? {} : { sleeper: (late: Touched) => wake(answer(late)) };
    return answer(process.calls.touch(address, size, false, { onPage, ...sleeper }));
  },
  sentence: (operation) => `The CPU reads what is in each page of ${bytesAt(operation)}`,
  refusal: (_, errno) => processCallRefusal('touch', errno),
  outcome: (_, { vals }) => [`It reads ${vals.map(([value, , pages]) => `${value} in ${Number(pages)}`).join(', ')}.`],
  label: () => 'CPU reads',
  form: { label: 'CPU reads', fields: { addr, len } },
});

export const pin = defineOperation({
  name: 'pin',
  parse: (fields) => {
    fields.only('addr', 'len');
    return { name: 'pin', gpu: 0, address: fields.u64('addr'), size: readSize(fields) };
  },
  perform: ({ machine: { process } }, { address, size }, wake?: (answer: PinAnswer) => void): PinAnswer => {
    const sleeper = wake === undefined ? undefined : (late: Touched): void => wake(pinAnswer(late));
    return pinAnswer(process.calls.pin(address, size, sleeper));
  },
  record: (entry) => ({ operation: { pin: writeInterval(entry) }, answer: pinAnswer(entry) }),
  sentence: (operation) => `Somebody takes a reference on each page of ${bytesAt(operation)}, so that it cannot move`,
  refusal: (_, errno) => processCallRefusal('touch', errno),
  form: { label: 'pin pages', fields: { addr, len } },
});

/** The answer of `pin` and `unpin`. */
export interface PinAnswer extends BareAnswer {
  readonly pages: string;
}

function pinAnswer({ result, pages }: Pick<Touched, 'result' | 'pages'>): PinAnswer {
  return { ret: result, pages: hex(pages) };
}

export const unpin = defineOperation({
  name: 'unpin',
  parse: (fields) => {
    fields.only('addr', 'len');
    return { name: 'unpin', gpu: 0, address: fields.u64('addr'), size: readSize(fields) };
  },
  perform: ({ machine: { process } }, { address, size }): PinAnswer => ({
    ret: 0,
    pages: hex(process.calls.unpin(address, size)),
  }),
  record: (entry) => ({ operation: { unpin: writeInterval(entry) }, answer: pinAnswer(entry) }),
  sentence: (operation) => `The references on the pages of ${bytesAt(operation)} are dropped`,
  form: { label: 'unpin pages', fields: { addr, len } },
});
