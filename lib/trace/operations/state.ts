/** Operations that only look, and the configuration (spec/trace-format §2, §6, §7). */
import { codedError } from '../../uapi/errors.ts';
import { contextParts, parseGcVersion, PteMemory } from '../../../emulator/index.ts';
import type { EmulatedMachine } from '../../../emulator/index.ts';
import { errnoName } from '../../uapi/errno.ts';
import { NO_RETRY_FAULTS } from '../../words/refusals.ts';
import { gcOf, parseConfig } from '../format/config.ts';
import type { TraceConfig } from '../format/config.ts';
import { AnswerWriter, Fragment } from '../format/answer-text.ts';
import type { AnswerOutput } from '../format/answer-text.ts';
import { hex } from '../format/hex.ts';
import { defineOperation } from './descriptor.ts';
import type { BareAnswer, TraceSubject } from './descriptor.ts';
import { writeDump } from './dump.ts';
import type { DumpAnswer } from './dump.ts';

/** The answer of a configuration. */
export interface ConfigAnswer extends BareAnswer {
  /** Of GPU 0. */
  readonly pasid: string;
  /** Whether there is an SVM context with retry faults. */
  readonly xnack: boolean;
  /** Of each GPU whether its VRAM is registered for SVM, 1 or 0, or the negative errno; where there is VRAM. */
  readonly devmem?: readonly number[];
}

export const config = defineOperation({
  name: 'config',
  parse: (fields) => ({ name: 'config', gpu: 0, config: parseConfig(fields) }),
  perform: (): ConfigAnswer => {
    throw codedError('ERR_SVM_INVALID_VALUE', 'config can only be at the start of a trace');
  },
  sentence: ({ config: given }) => {
    const { lazy, gpus } = given;
    const machine = `A machine with ${gpus === 1 ? '' : `${gpus} GPUs of `}GC ${versions(given)}`;
    return lazy
      ? `${machine} opens its render node without making the VM a compute VM`
      : `${machine} opens its render node; the VM becomes a compute VM`;
  },
  refusal: (_, errno) => (errnoName(errno) === 'EOPNOTSUPP' ? NO_RETRY_FAULTS : undefined),
  label: ({ config: given }) =>
    `GC ${versions(given)}${given.apu ? ' APU' : ''}${given.gpus === 1 ? '' : `, ${given.gpus} GPUs`}`,
});

/** The GC version of the GPUs, or those of all where they differ. */
function versions(config: TraceConfig): string {
  const list = Array.from({ length: config.gpus }, (_, gpu) => gcOf(config, gpu));
  return new Set(list).size === 1 ? list[0]! : list.join(', ');
}

/** What the configuration answers of the VRAM of each GPU; nothing on a machine without any. */
export function devmemAnswer({ options, devices }: EmulatedMachine): Pick<ConfigAnswer, 'devmem'> {
  return options.vram.some((bytes) => bytes > 0) ? { devmem: devices.map(({ registration }) => registration) } : {};
}

const MEMORIES = { system: PteMemory.system, vram: PteMemory.localVram, p2p: PteMemory.peerVram } as const;

export const pteflags = defineOperation({
  name: 'pteflags',
  perGpu: true,
  parse: (fields) => ({
    name: 'pteflags',
    gpu: fields.gpu,
    config: parseConfig(fields, ['flags', 'readOnly', 'proto', 'rev', 'atomics', 'coherent', 'fail']),
    flags: fields.count('flags', 0xff),
    readOnly: fields.has('readOnly') && fields.boolean('readOnly'),
    memory: fields.has('proto') ? MEMORIES[fields.word('proto', ['system', 'vram', 'p2p'])] : PteMemory.system,
    siliconRevision: fields.has('rev') ? fields.count('rev', 0xff) : 0,
    busAtomics: fields.has('atomics') && fields.boolean('atomics'),
    connectedToCpu: fields.has('coherent') && fields.boolean('coherent'),
  }),
  perform: ({ device }, { config: format, flags, readOnly, memory, ...silicon }) => {
    const options = { ...format, ...silicon, gc: parseGcVersion(format.gc) };
    return { ret: 0, ptes: hex(device.surroundings.revision.pteFlags(options, flags, readOnly, memory)) };
  },
  sentence: () => 'PTE flags are computed',
});

function writeState(output: AnswerOutput, { machine, device, file }: TraceSubject): void {
  writeDump(output, contextParts(device, file), () => machine.memorySnapshot());
}

const END = new Fragment('}');

export const dump = defineOperation({
  name: 'dump',
  perGpu: true,
  parse: (fields) => {
    fields.only();
    return { name: 'dump', gpu: fields.gpu };
  },
  perform: (subject): DumpAnswer => {
    const writer = new AnswerWriter();
    writeState(writer, subject);
    writer.raw(END);
    return JSON.parse(writer.text) as DumpAnswer;
  },
  write: writeState,
  sentence: () => 'The state is looked at',
  form: { label: 'dump state', fields: {} },
});
