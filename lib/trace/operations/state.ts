/** Operations that only look, and the configuration (spec/trace-format §2, §6, §7). */
import { codedError } from '../../uapi/errors.ts';
import { contextSnapshot, parseGcVersion, PteMemory } from '../../../emulator/index.ts';
import type { ContextSnapshot, EmulatedMachine, MemorySnapshot, RangeSnapshot } from '../../../emulator/index.ts';
import { errnoName } from '../../uapi/errno.ts';
import { NO_RETRY_FAULTS } from '../../words/refusals.ts';
import { gcOf, parseConfig } from '../format/config.ts';
import type { TraceConfig } from '../format/config.ts';
import { hex } from '../format/hex.ts';
import { defineOperation } from './descriptor.ts';
import type { BareAnswer } from './descriptor.ts';

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
  parse: (fields) => ({ config: parseConfig(fields) }),
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

/** Bits of the pending operations (spec/trace-format-v7 §4). */
const PENDING_BITS = { unmap: 1, restore: 2 } as const;

const MEMORIES = { system: PteMemory.system, vram: PteMemory.localVram, p2p: PteMemory.peerVram } as const;

export const pteflags = defineOperation({
  name: 'pteflags',
  perGpu: true,
  parse: (fields) => ({
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

export const dump = defineOperation({
  name: 'dump',
  perGpu: true,
  parse: (fields) => {
    fields.only();
    return {};
  },
  perform: ({ machine, device, file }) => dumpAnswer(contextSnapshot(device, file), machine.memorySnapshot()),
  sentence: () => 'The state is looked at',
  form: { label: 'dump state', fields: {} },
});

function pageFields({ startPage, pages, gpu, offset, huge }: MemorySnapshot['pages'][number]) {
  const run = [hex(startPage), hex(pages), gpu, hex(offset)];
  return huge ? [...run, true] : run;
}

/** As of `dumpAnswer`. */
function rangeFields(range: RangeSnapshot, migrates: boolean) {
  const { pteFlags, pending } = range;
  const keepsFlags = pteFlags !== undefined;
  return {
    mapped: range.mapped,
    unmapped: range.unmapped,
    partialUnmap: range.partiallyUnmapped,
    dma: range.dmaMapped,
    devmem: migrates ? range.inVram : undefined,
    migrate: migrates ? range.migrates : undefined,
    queued: keepsFlags ? range.queued : undefined,
    ptes: keepsFlags ? hex(pteFlags) : undefined,
    queue: keepsFlags ? undefined : range.queue,
    pending:
      keepsFlags || migrates || pending === undefined
        ? undefined
        : [hex(pending.firstPage), hex(pending.lastPage), PENDING_BITS[pending.operation]],
    attrFlags: hex(range.attributeFlags),
    ts: hex(range.validationTime),
  };
}

/** A field that the revision does not have is undefined, which is not written: an object put together by spreads is much slower. */
function dumpAnswer(snapshot: ContextSnapshot, memory: MemorySnapshot) {
  // The format has no counter for the kernel log; one more key would be a difference to every recording.
  const { errorLines: _, ...counters } = snapshot.counters;
  const { migratesToVram: migrates, migrations, restore } = snapshot;
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
    ...(snapshot.attributeListBroken ? { attrListBroken: true } : {}),
    notifiers: snapshot.notifiers.map((notifier) => [hex(notifier.start), hex(notifier.end)]),
    ranges: snapshot.ranges.map((range) => [hex(range.start), hex(range.end), rangeFields(range, migrates)]),
    boMaps: migrates ? undefined : snapshot.bufferObjects?.map(({ start, end }) => [hex(start), hex(end)]),
    ptes: snapshot.ptes.map((run) => [hex(run.startPage), hex(run.pages), hex(run.flags), run.state]),
    vmas: snapshot.vmas.map((vma) => [hex(vma.start), hex(vma.end), vma.protection, vma.kind]),
    pages: migrates ? memory.pages.map(pageFields) : undefined,
    bos: migrates
      ? memory.buffers.map(({ gpu, offset, pages, inUse }) => [gpu, hex(offset), hex(pages), hex(inUse)])
      : undefined,
    vram: migrates
      ? memory.vram.map(({ evictable, pinned, total }) => [hex(evictable), hex(pinned), hex(total)])
      : undefined,
    gcPending: snapshot.collectorPending,
    gcWork: snapshot.collectorQueued,
    restorePending: restore?.pending,
    restoreWork: restore === undefined ? undefined : restore.due !== undefined,
    restoreDue: restore?.due === undefined ? undefined : hex(restore.due),
    evicted: restore?.evicted,
    quiesced: restore?.quiesced,
    kfdStopped: restore?.stopped,
    kfdCalls: restore === undefined ? undefined : [restore.quiesceCalls, restore.resumeCalls],
    clock: hex(snapshot.clock),
    checkpoint: hex(snapshot.checkpoint),
    exiting: snapshot.closing,
    counters: migrates ? { ...counters, ...migrations } : counters,
  };
}
