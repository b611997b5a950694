/** Operations of the process, and of the kernel on its pages, that recordings of the real code do not have (spec/trace-format §11). */
import { processCallRefusal } from '../../words/refusals.ts';
import { bytesAt, exactBytes } from '../../words/sizes.ts';
import { hex } from '../format/hex.ts';
import { bareAnswer, writeInterval } from './common.ts';
import { defineOperation } from './descriptor.ts';
import type { BareAnswer } from './descriptor.ts';
import { FIELDS } from './form.ts';
import type { PinAnswer } from './contents.ts';
import { counted } from '../../words/counted.ts';

const { address: addr, size: len } = FIELDS;

export const mremap = defineOperation({
  name: 'mremap',
  needs: 'mmap-lock',
  parse: (fields) => {
    fields.only('addr', 'len', 'newlen', 'to', 'keep');
    return {
      name: 'mremap',
      gpu: 0,
      address: fields.u64('addr'),
      size: fields.u64('len'),
      newSize: fields.u64('newlen'),
      target: fields.has('to') ? fields.u64('to') : undefined,
      keepOld: fields.has('keep') && fields.boolean('keep'),
    };
  },
  perform: ({ machine }, { address, size, newSize, target, keepOld }): BareAnswer => ({
    ret: machine.process.calls.mremap(address, size, newSize, target, keepOld),
  }),
  record: (entry) => ({
    operation: {
      mremap: {
        ...writeInterval(entry),
        newlen: hex(entry.newSize),
        ...(entry.target === undefined ? {} : { to: hex(entry.target) }),
        ...(entry.keepOld ? { keep: true } : {}),
      },
    },
    answer: bareAnswer(entry),
  }),
  sentence: (operation) => {
    const { newSize, target, keepOld } = operation;
    const what = `The process makes ${exactBytes(newSize)} of ${bytesAt(operation)}`;
    if (target === undefined) return `${what}, in place`;
    return `${what} and moves it to 0x${target.toString(16)}${keepOld ? '; the old addresses stay mapped' : ''}`;
  },
  refusal: (_, errno) => processCallRefusal('mremap', errno),
  label: ({ target }) => (target === undefined ? 'resize' : `move to 0x${target.toString(16)}`),
  form: { label: 'mremap', fields: { addr, len, newlen: { ...len, name: 'newlen', label: 'new size' } } },
});

/** mlock or munlock. */
function locking<const Name extends 'mlock' | 'munlock'>(name: Name) {
  return defineOperation({
    name,
    needs: 'mmap-lock',
    parse: (fields) => {
      fields.only('addr', 'len');
      return { name, gpu: 0, address: fields.u64('addr'), size: fields.u64('len') };
    },
    perform: ({ machine }, { address, size }): BareAnswer => ({ ret: machine.process.calls[name](address, size) }),
    record: (entry: { readonly address: bigint; readonly size: bigint; readonly result: number }) => ({
      operation: { [name]: writeInterval(entry) },
      answer: bareAnswer(entry),
    }),
    sentence: (operation) =>
      name === 'mlock'
        ? `The process locks ${bytesAt(operation)} in memory`
        : `The process unlocks ${bytesAt(operation)}`,
    refusal: (_, errno) => processCallRefusal('mlock', errno),
    form: { label: name, fields: { addr, len } },
  });
}

export const mlock = locking('mlock');
export const munlock = locking('munlock');

export const swapout = defineOperation({
  name: 'swapout',
  parse: (fields) => {
    fields.only('addr', 'len');
    return { name: 'swapout', gpu: 0, address: fields.u64('addr'), size: fields.u64('len') };
  },
  perform: ({ machine }, { address, size }): PinAnswer => {
    const { result, pages } = machine.process.calls.swapOut(address, size);
    return { ret: result, pages: hex(pages) };
  },
  record: (entry) => ({
    operation: { swapout: writeInterval(entry) },
    answer: { ...bareAnswer(entry), pages: hex(entry.pages) },
  }),
  sentence: (operation) => `The kernel swaps out ${bytesAt(operation)}`,
  refusal: (_, errno) => processCallRefusal('swapout', errno),
  outcome: (_, { pages }) => [`${counted(Number(pages), 'page')} left memory.`],
  form: { label: 'swap out', fields: { addr, len } },
});

export const collapse = defineOperation({
  name: 'collapse',
  needs: 'mmap-lock',
  parse: (fields) => {
    fields.only('addr', 'len');
    return { name: 'collapse', gpu: 0, address: fields.u64('addr'), size: fields.u64('len') };
  },
  perform: ({ machine }, { address, size }): BareAnswer => ({ ret: machine.process.calls.collapse(address, size) }),
  record: (entry) => ({ operation: { collapse: writeInterval(entry) }, answer: bareAnswer(entry) }),
  sentence: (operation) => `khugepaged makes huge pages of ${bytesAt(operation)}`,
  refusal: (_, errno) => processCallRefusal('collapse', errno),
  form: { label: 'collapse', fields: { addr, len } },
});

export const fork = defineOperation({
  name: 'fork',
  needs: 'mmap-lock',
  parse: (fields) => {
    fields.only();
    return { name: 'fork', gpu: 0 };
  },
  // `child`: its number.
  perform: ({ machine }): BareAnswer & { readonly child: number } => ({ ret: 0, child: machine.process.calls.fork() }),
  record: (entry) => ({ operation: { fork: {} }, answer: { ...bareAnswer(entry), child: entry.child } }),
  sentence: () => 'The process forks: a child shares its private pages until one of both writes',
  form: { label: 'fork', fields: {} },
});

export const childwrite = defineOperation({
  name: 'childwrite',
  parse: (fields) => {
    fields.only('child', 'addr', 'len');
    return {
      name: 'childwrite',
      gpu: 0,
      address: fields.u64('addr'),
      size: fields.u64('len'),
      child: fields.count('child'),
    };
  },
  perform: ({ machine }, { child, address, size }): BareAnswer => ({
    ret: machine.process.calls.childWrite(child, address, size),
  }),
  record: (entry) => ({
    operation: { childwrite: { child: entry.child, ...writeInterval(entry) } },
    answer: bareAnswer(entry),
  }),
  sentence: (operation) => `Child ${operation.child} writes to each page of ${bytesAt(operation)}`,
  refusal: (_, errno) => processCallRefusal('child', errno),
});

export const childexit = defineOperation({
  name: 'childexit',
  parse: (fields) => {
    fields.only('child');
    return { name: 'childexit', gpu: 0, child: fields.count('child') };
  },
  perform: ({ machine }, { child }): BareAnswer => ({ ret: machine.process.calls.childExit(child) }),
  record: (entry) => ({ operation: { childexit: { child: entry.child } }, answer: bareAnswer(entry) }),
  sentence: ({ child }) => `Child ${child} exits`,
  refusal: (_, errno) => processCallRefusal('child', errno),
});
