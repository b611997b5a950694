/** Operations that only look, and the configuration (spec/trace-format §2, §6, §7). */
import { contextSnapshot, parseGcVersion, pteFlags } from '../../../emulator/index.ts';
import type { ContextSnapshot } from '../../../emulator/index.ts';
import { errnoName } from '../../uapi/errno.ts';
import { NO_RETRY_FAULTS } from '../../words/refusals.ts';
import { parseConfig } from '../format/config.ts';
import { hex } from '../format/hex.ts';
import { defineOperation } from './descriptor.ts';
import type { BareAnswer } from './descriptor.ts';

/** The answer of a configuration. */
export interface ConfigAnswer extends BareAnswer {
  /** Of GPU 0. */
  readonly pasid: string;
  /** Whether there is an SVM context. */
  readonly xnack: boolean;
}

export const config = defineOperation({
  name: 'config',
  parse: (fields) => ({ config: parseConfig(fields) }),
  perform: (): ConfigAnswer => {
    throw new Error('config can only stand at the start of a trace');
  },
  sentence: ({ config: { gc, lazy, gpus } }) => {
    const machine = `A machine with ${gpus === 1 ? '' : `${gpus} GPUs of `}GC ${gc}`;
    return lazy
      ? `${machine} opens its render node without making the VM a compute VM`
      : `${machine} opens its render node; the VM becomes a compute VM`;
  },
  refusal: (_, errno) => (errnoName(errno) === 'EOPNOTSUPP' ? NO_RETRY_FAULTS : undefined),
  label: ({ config: { gc, apu, gpus } }) => `GC ${gc}${apu ? ' APU' : ''}${gpus === 1 ? '' : `, ${gpus} GPUs`}`,
});

export const pteflags = defineOperation({
  name: 'pteflags',
  perGpu: true,
  parse: (fields) => ({
    config: parseConfig(fields, ['flags', 'readOnly']),
    flags: fields.count('flags', 0xff),
    readOnly: fields.boolean('readOnly'),
  }),
  perform: (_, { config: format, flags, readOnly }) => ({
    ret: 0,
    ptes: hex(pteFlags({ ...format, gc: parseGcVersion(format.gc) }, flags, readOnly)),
  }),
  sentence: () => 'PTE flags are computed',
});

export const dump = defineOperation({
  name: 'dump',
  perGpu: true,
  parse: (fields) => {
    fields.only();
    return {};
  },
  perform: ({ device, file }) => dumpAnswer(contextSnapshot(device, file)),
  sentence: () => 'The state is looked at',
  form: { label: 'dump state', fields: {} },
});

function dumpAnswer(snapshot: ContextSnapshot) {
  // The format has no counter for the kernel log; one more key would be a difference to every recording.
  const { errorLines: _, ...counters } = snapshot.counters;
  return {
    ret: 0,
    attrs: snapshot.attributes.map((interval) => [
      hex(interval.firstPage),
      hex(interval.lastPage),
      {
        preferred: interval.preferredLocation,
        prefetch: interval.prefetchLocation,
        access: interval.access,
        granularity: interval.granularity,
        flags: hex(interval.flags),
      },
    ]),
    notifiers: snapshot.notifiers.map((notifier) => [hex(notifier.start), hex(notifier.end)]),
    ranges: snapshot.ranges.map((range) => [
      hex(range.start),
      hex(range.end),
      {
        mapped: range.mapped,
        unmapped: range.unmapped,
        partialUnmap: range.partiallyUnmapped,
        dma: range.dmaMapped,
        queued: range.queued,
        ptes: hex(range.pteFlags),
        attrFlags: hex(range.attributeFlags),
        ts: hex(range.validationTime),
      },
    ]),
    ptes: snapshot.ptes.map((run) => [hex(run.startPage), hex(run.pages), hex(run.flags), run.state]),
    vmas: snapshot.vmas.map((vma) => [hex(vma.start), hex(vma.end), vma.protection, vma.kind]),
    gcPending: snapshot.collectorPending,
    gcWork: snapshot.collectorQueued,
    clock: hex(snapshot.clock),
    checkpoint: hex(snapshot.checkpoint),
    exiting: snapshot.closing,
    counters,
  };
}
