/** Operations that only look, and the configuration (spec/trace-format §2, §6, §7). */
import { contextSnapshot, parseGcVersion, PteMemory } from '../../../emulator/index.ts';
import type { ContextSnapshot, RangeSnapshot } from '../../../emulator/index.ts';
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
  /** Whether there is an SVM context with retry faults. */
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

const PENDING_BITS = { unmap: 1, restore: 2 } as const;

const MEMORIES = { system: PteMemory.system, vram: PteMemory.localVram, p2p: PteMemory.peerVram } as const;

export const pteflags = defineOperation({
  name: 'pteflags',
  perGpu: true,
  parse: (fields) => ({
    config: parseConfig(fields, ['flags', 'readOnly', 'proto', 'rev', 'atomics', 'coherent']),
    flags: fields.count('flags', 0xff),
    readOnly: fields.boolean('readOnly'),
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

/** Where a range stands in the collector's list, and its PTE flags where the revision keeps them (spec/trace-format-v7 §4). */
function rangeQueue({ queued, queue, pending, pteFlags }: RangeSnapshot) {
  if (pteFlags !== undefined) return { queued, ptes: hex(pteFlags) };
  if (pending === undefined) return { queue };
  return { queue, pending: [hex(pending.firstPage), hex(pending.lastPage), PENDING_BITS[pending.operation]] };
}

/** The restore worker and the queues (spec/trace-format-v7 §4). */
function restoreAnswer(restore: NonNullable<ContextSnapshot['restore']>) {
  const { due } = restore;
  return {
    restorePending: restore.pending,
    restoreWork: due !== undefined,
    ...(due === undefined ? {} : { restoreDue: hex(due) }),
    evicted: restore.evicted,
    quiesced: restore.quiesced,
    kfdStopped: restore.stopped,
    kfdCalls: [restore.quiesceCalls, restore.resumeCalls],
  };
}

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
        ...rangeQueue(range),
        attrFlags: hex(range.attributeFlags),
        ts: hex(range.validationTime),
      },
    ]),
    ...(snapshot.bufferObjects === undefined
      ? {}
      : { boMaps: snapshot.bufferObjects.map(({ start, end }) => [hex(start), hex(end)]) }),
    ptes: snapshot.ptes.map((run) => [hex(run.startPage), hex(run.pages), hex(run.flags), run.state]),
    vmas: snapshot.vmas.map((vma) => [hex(vma.start), hex(vma.end), vma.protection, vma.kind]),
    gcPending: snapshot.collectorPending,
    gcWork: snapshot.collectorQueued,
    ...(snapshot.restore === undefined ? {} : restoreAnswer(snapshot.restore)),
    clock: hex(snapshot.clock),
    checkpoint: hex(snapshot.checkpoint),
    exiting: snapshot.closing,
    counters,
  };
}
