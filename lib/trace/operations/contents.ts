/** Accesses of the CPU to what its pages hold (spec/trace-format-v8 §2). */
import type { EmulatedMachine } from '../../../emulator/index.ts';
import { processCallRefusal } from '../../words/refusals.ts';
import { bytesAt } from '../../words/sizes.ts';
import type { Fields } from '../format/fields.ts';
import type { Interval } from './common.ts';
import { readInterval } from './common.ts';
import { defineOperation } from './descriptor.ts';
import { FIELDS } from './form.ts';
import { touchAnswer } from './memory.ts';
import { cpuValues, LARGEST_VALUE, writeCpuValue } from './values.ts';

const { address: addr, size: len } = FIELDS;

/** The interval of a line; without a length it is one page. */
function readPages(fields: Fields): Interval {
  return fields.has('len') ? readInterval(fields) : { address: fields.u64('addr'), size: 1n };
}

/** The CPU touches the pages in turn; `[startPage, endPage)` are those that it could. */
function touchPages(machine: EmulatedMachine, { address, size }: Interval, write: boolean) {
  const touched = machine.process.calls.touch(address, size, write);
  const startPage = Number(address >> 12n);
  return { answer: touchAnswer(touched), startPage, endPage: startPage + touched.pages };
}

export const store = defineOperation({
  name: 'store',
  parse: (fields) => {
    fields.only('addr', 'len', 'value');
    return { ...readPages(fields), value: fields.count('value', LARGEST_VALUE) };
  },
  perform: ({ machine }, operation) => {
    const { answer, startPage, endPage } = touchPages(machine, operation, true);
    writeCpuValue(machine, startPage, endPage, operation.value);
    return answer;
  },
  sentence: (operation) => `The CPU writes ${operation.value} to each page of ${bytesAt(operation)}`,
  refusal: (_, errno) => processCallRefusal('touch', errno),
  label: ({ value }) => `CPU writes ${value}`,
});

export const load = defineOperation({
  name: 'load',
  parse: (fields) => {
    fields.only('addr', 'len');
    return readPages(fields);
  },
  perform: ({ machine }, operation) => {
    const { answer, startPage, endPage } = touchPages(machine, operation, false);
    return { ...answer, vals: cpuValues(machine, startPage, endPage) };
  },
  sentence: (operation) => `The CPU reads what is in each page of ${bytesAt(operation)}`,
  refusal: (_, errno) => processCallRefusal('touch', errno),
  outcome: (_, { vals }) => [`It reads ${vals.map(([value, , pages]) => `${value} in ${Number(pages)}`).join(', ')}.`],
  label: () => 'CPU reads',
  form: { label: 'CPU reads', fields: { addr, len } },
});
