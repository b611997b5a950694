/** Operations of the process on its memory (spec/trace-format §3). */
import { VMA_KINDS } from '../../../emulator/index.ts';
import { protectionLetters } from '../../uapi/protection.ts';
import { processCallRefusal } from '../../words/refusals.ts';
import { bytesAt } from '../../words/sizes.ts';
import { hex } from '../format/hex.ts';
import { bareAnswer, readProtection, writeInterval } from './common.ts';
import { defineOperation } from './descriptor.ts';
import type { BareAnswer, EventQuestion } from './descriptor.ts';
import { FIELDS } from './form.ts';
import { counted } from '../../words/counted.ts';

const { address: addr, size: len, protection: prot, kind, write } = FIELDS;

/** What the driver makes of a change, where it does not show. */
function unheard(met: EventQuestion): readonly string[] {
  if (!met('notifier-called')) return ['The driver hears nothing of it: no notifier covers it, or nothing changes.'];
  return met('ptes-zapped') || met('zap-failed') ? [] : ['No GPU range there is marked mapped, so no PTE is cleared.'];
}

export const mmap = defineOperation({
  name: 'mmap',
  needs: 'mmap-lock',
  parse: (fields) => {
    fields.only('addr', 'len', 'prot', 'kind', 'file');
    return {
      name: 'mmap',
      gpu: 0,
      address: fields.u64('addr'),
      size: fields.u64('len'),
      protection: readProtection(fields),
      kind: fields.word('kind', VMA_KINDS),
      fileSize: fields.has('file') ? fields.u64('file') : undefined,
    };
  },
  perform: ({ machine }, operation) => ({
    ret: machine.process.calls.mmap(
      operation.address,
      operation.size,
      operation.protection,
      operation.kind,
      operation.fileSize,
    ),
  }),
  record: (entry) => ({
    operation: {
      mmap: {
        ...writeInterval(entry),
        prot: protectionLetters(entry.protection),
        kind: entry.kind,
        ...(entry.fileSize === undefined ? {} : { file: hex(entry.fileSize) }),
      },
    },
    answer: bareAnswer(entry),
  }),
  sentence: (operation) =>
    `The process maps ${bytesAt(operation)}, ${protectionLetters(operation.protection)}, ${operation.kind}`,
  refusal: (_, errno) => processCallRefusal('mmap', errno),
  label: (operation) => `${operation.kind} ${protectionLetters(operation.protection)}`,
  form: { label: 'mmap', fields: { addr, len, prot, kind } },
});

export const munmap = defineOperation({
  name: 'munmap',
  needs: 'mmap-lock',
  parse: (fields) => {
    fields.only('addr', 'len');
    return { name: 'munmap', gpu: 0, address: fields.u64('addr'), size: fields.u64('len') };
  },
  perform: ({ machine }, { address, size }) => ({ ret: machine.process.calls.munmap(address, size) }),
  record: (entry) => ({ operation: { munmap: writeInterval(entry) }, answer: bareAnswer(entry) }),
  sentence: (operation) => `The process unmaps ${bytesAt(operation)}`,
  refusal: (_, errno) => processCallRefusal('munmap', errno),
  outcome: (_operation, _answer, met) => unheard(met),
  form: { label: 'munmap', fields: { addr, len } },
});

export const mprotect = defineOperation({
  name: 'mprotect',
  needs: 'mmap-lock',
  parse: (fields) => {
    fields.only('addr', 'len', 'prot');
    return {
      name: 'mprotect',
      gpu: 0,
      address: fields.u64('addr'),
      size: fields.u64('len'),
      protection: readProtection(fields),
    };
  },
  perform: ({ machine }, { address, size, protection }) => ({
    ret: machine.process.calls.mprotect(address, size, protection),
  }),
  record: (entry) => ({
    operation: { mprotect: { ...writeInterval(entry), prot: protectionLetters(entry.protection) } },
    answer: bareAnswer(entry),
  }),
  sentence: (operation) => `The process protects ${bytesAt(operation)} as ${protectionLetters(operation.protection)}`,
  refusal: (_, errno) => processCallRefusal('mprotect', errno),
  outcome: (_operation, _answer, met) => unheard(met),
  label: (operation) => protectionLetters(operation.protection),
  form: { label: 'mprotect', fields: { addr, len, prot } },
});

export const dontneed = defineOperation({
  name: 'dontneed',
  parse: (fields) => {
    fields.only('addr', 'len');
    return { name: 'dontneed', gpu: 0, address: fields.u64('addr'), size: fields.u64('len') };
  },
  perform: ({ machine }, { address, size }) => ({ ret: machine.process.calls.dontneed(address, size) }),
  record: (entry) => ({ operation: { dontneed: writeInterval(entry) }, answer: bareAnswer(entry) }),
  sentence: (operation) => `The process gives back ${bytesAt(operation)} (MADV_DONTNEED)`,
  refusal: (_, errno) => processCallRefusal('dontneed', errno),
  outcome: (_operation, _answer, met) => unheard(met),
  form: { label: 'madvise DONTNEED', fields: { addr, len } },
});

/** What came of a touch. */
export interface Touched {
  readonly result: number;
  readonly pages: number;
  readonly fresh: number;
  readonly back: number;
}

/** The answer of a touch. */
export interface TouchAnswer extends BareAnswer {
  readonly pages: string;
  readonly fresh: string;
  /** Pages that came home from VRAM. */
  readonly back?: string;
}

export function touchAnswer({ result, pages, fresh, back }: Touched): TouchAnswer {
  const answer = { ret: result, pages: hex(pages), fresh: hex(fresh) };
  return back === 0 ? answer : { ...answer, back: hex(back) };
}

export const touch = defineOperation({
  name: 'touch',
  parse: (fields) => {
    fields.only('addr', 'len', 'write');
    return {
      name: 'touch',
      gpu: 0,
      address: fields.u64('addr'),
      size: fields.u64('len'),
      write: fields.boolean('write'),
    };
  },
  perform: ({ machine }, operation, wake?: (answer: TouchAnswer) => void): TouchAnswer => {
    const sleeper = wake === undefined ? {} : { sleeper: (late: Touched) => wake(touchAnswer(late)) };
    return touchAnswer(machine.process.calls.touch(operation.address, operation.size, operation.write, sleeper));
  },
  record: (entry) => ({
    operation: { touch: { ...writeInterval(entry), write: entry.write } },
    answer: touchAnswer(entry),
  }),
  sentence: (operation) => `The CPU ${operation.write ? 'writes' : 'reads'} each page of ${bytesAt(operation)}`,
  refusal: (_, errno) => processCallRefusal('touch', errno),
  outcome: (_, { fresh, pages }) => [
    `${Number(fresh)} of ${counted(Number(pages), 'page')} ${Number(fresh) === 1 ? 'was' : 'were'} not there and ${Number(fresh) === 1 ? 'is' : 'are'} now.`,
  ],
  label: (operation) => `CPU ${operation.write ? 'writes' : 'reads'}`,
  form: { label: 'CPU touches', fields: { addr, len, write } },
});

export const mmexit = defineOperation({
  name: 'mmexit',
  parse: (fields) => {
    fields.only();
    return { name: 'mmexit', gpu: 0 };
  },
  // A thread that exits needs the mmap lock; the process of a trace ends wherever it is told to.
  perform: ({ machine }) => {
    machine.process.calls.exit({ whileLocked: true });
    return { ret: 0 };
  },
  record: (entry) => ({ operation: { mmexit: {} }, answer: bareAnswer(entry) }),
  sentence: () => 'The process exits',
  form: { label: 'exit process', fields: {} },
});
