/** hmm-tests anon_teardown: memory leaves or changes while the device works on it, at each moment of a fault and of a prefetch. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import type { CaseContext } from '../../../lib/conformance/framework/context.ts';
import { EFAULT, ENOENT, EPERM } from '../../../lib/conformance/support/errno.ts';
import type { Mapping } from '../../../lib/conformance/framework/mapping.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import type { PreemptionPoint } from '../../../lib/device/emulated.ts';
import { gpuLoad, gpuStore, store } from '../../../lib/conformance/support/memory.ts';
import { CHUNK_2M } from '../../../lib/conformance/support/units.ts';

export const teardownGroup = new CaseGroup(
  'hmm,teardown',
  'Memory that leaves or changes under the access of the device (hmm-tests anon_teardown)',
);

const CHANGES = {
  unmap: (memory: Mapping) => memory.unmap(),
  'unmap-half': (memory: Mapping) => memory.unmap(HALF),
  discard: (memory: Mapping) => memory.discard(),
  'discard-half': (memory: Mapping) => memory.discard(HALF),
  'read-only': (memory: Mapping) => memory.protect('r'),
  'read-only-half': (memory: Mapping) => memory.protect('r', HALF),
  'no-access': (memory: Mapping) => memory.protect('-'),
} as const;

type Change = keyof typeof CHANGES;

const CHANGE_NAMES = Object.keys(CHANGES) as Change[];

const HALF = CHUNK_2M / 2;

/** Moments of a fault on unregistered memory in their order: the preemption point, and the how manieth pass of it. */
const FAULT_MOMENTS = {
  'interval-looked-up': ['tree-unlock', 1],
  'vma-not-seen': ['mmap-lock', 1],
  'vma-seen': ['mmap-unlock', 1],
  'interval-made': ['tree-unlock', 2],
  'not-permitted-yet': ['mmap-lock', 2],
  permitted: ['mmap-unlock', 2],
  'no-range-yet': ['mmap-lock', 3],
  'range-made': ['mmap-unlock', 3],
  'no-pages-yet': ['mmap-lock', 4],
  'page-walk': ['hmm', 1],
  'pages-walked': ['mmap-unlock', 4],
  'pages-mapped': ['pages-got', 1],
  'ptes-written': ['pte-committed', 1],
} as const satisfies Record<string, readonly [PreemptionPoint, number]>;

type FaultMoment = keyof typeof FAULT_MOMENTS;

const FAULT_NAMES = Object.keys(FAULT_MOMENTS) as FaultMoment[];

const PREFETCH_MOMENTS = {
  'not-validated': ['mmap-lock', 1],
  'vma-seen': ['mmap-unlock', 1],
  validated: ['vma-checked', 1],
  'attributes-stored': ['attr-edited', 1],
  'no-range-yet': ['mmap-lock', 2],
  'range-made': ['mmap-unlock', 2],
  'no-pages-yet': ['mmap-lock', 3],
  'page-walk': ['hmm', 1],
  'pages-walked': ['mmap-unlock', 3],
  'pages-mapped': ['pages-got', 1],
  'ptes-written': ['pte-committed', 1],
} as const satisfies Record<string, readonly [PreemptionPoint, number]>;

type PrefetchMoment = keyof typeof PREFETCH_MOMENTS;

const PREFETCH_NAMES = Object.keys(PREFETCH_MOMENTS) as PrefetchMoment[];

/** In the page walk the mmap lock is held for reading: only MADV_DONTNEED can run there. */
function possible(moment: string, change: Change): boolean {
  return moment !== 'page-walk' || change.startsWith('discard');
}

/** Memory of the CPU with a word at both ends. */
function prepare(t: CaseContext): Mapping {
  const memory = t.map(CHUNK_2M);
  store(memory, 0, 7);
  store(memory, CHUNK_2M - 4, 8);
  return memory;
}

/** Runs `operation` with `change` at the moment, which has to come. */
function during(
  t: CaseContext,
  [point, pass]: readonly [PreemptionPoint, number],
  change: () => void,
  operation: () => number,
): number {
  let changes = 0;
  const stop = t.machine.at(
    point,
    () => {
      changes++;
      change();
    },
    { pass },
  );
  try {
    const result = operation();
    t.equal(changes, 1, `changes at ${point}`);
    return result;
  } finally {
    stop();
  }
}

/** After the range was found and before its pages are mapped, a mapping for writing is still wanted. */
const PAGES_FOR_WRITING: readonly string[] = ['range-made', 'no-pages-yet', 'pages-walked'];

/** A word as the device reads it, or 'refused'. */
async function seen(t: CaseContext, address: bigint): Promise<number | 'refused'> {
  return gpuLoad(t, address).catch(() => 'refused' as const);
}

/** What the device must see at both ends of the memory after the change. */
const SEEN: Readonly<Record<Change, readonly [number | 'refused', number | 'refused']>> = {
  unmap: ['refused', 'refused'],
  'unmap-half': [7, 'refused'],
  discard: [0, 0],
  'discard-half': [7, 0],
  'read-only': [7, 8],
  'read-only-half': [7, 8],
  'no-access': ['refused', 'refused'],
};

/**
 * What the device does with the memory when all is over. A change between the writing of the PTEs and the mark that says
 * so is not seen by the device, which goes on with the old pages (Q40).
 */
async function checkAfterwards(t: CaseContext, memory: Mapping, change: Change, moment: string): Promise<void> {
  const late = moment === 'ptes-written';
  const bad = /stale|perm/.test(t.ptes(memory));
  t.collect();
  t.advance();
  if (!late) {
    t.equal(bad, false, 'whether a PTE maps an old page or permits too much');
    const [first, last] = [await seen(t, memory.address), await seen(t, memory.at(CHUNK_2M - 4))];
    if (change === 'read-only-half' && (PAGES_FOR_WRITING.includes(moment) || moment === 'pages-mapped')) {
      // There is a range over both halves, and its pages cannot be collected for writing.
      t.shows(
        'Q52',
        { quirk: first === 'refused', correct: first === 7 },
        'what the device reads in the writable half',
      );
      t.equal(last, 8, 'what the device reads in the read-only half');
    } else {
      t.equal([first, last], [...SEEN[change]], 'what the device reads at both ends');
    }
    if (change.startsWith('read-only'))
      await t.throws(
        () => gpuStore(t, memory.at(CHUNK_2M - 4), 9),
        'ERR_SVM_GPU_FAULT',
        'GPU write to memory that is read-only',
      );
    return;
  }
  const { outcome } = t.access(memory.at(CHUNK_2M - 4), 4, { write: true }).runs[0]!;
  t.shows(
    'Q40',
    { quirk: bad && outcome === 'hit', correct: !bad },
    'PTEs after a change that came when they were written',
  );
}

/** How the handler answers a fault during which the memory changed. */
function faultAnswer(t: CaseContext, write: boolean, moment: FaultMoment, change: Change): number {
  if (moment === 'ptes-written' || change.startsWith('unmap') || change.startsWith('discard')) return 0;
  if (change === 'no-access') return -EPERM;
  // What cannot be collected for writing is collected for reading from V7 on.
  const collected = t.can('read-only-retry') ? 0 : -EPERM;
  if (PAGES_FOR_WRITING.includes(moment)) return collected;
  // Pages of both halves are collected again for the range that there is.
  if (change === 'read-only-half') return moment === 'pages-mapped' ? collected : 0;
  // A write that was permitted before finds memory that can only be mapped for reading, and has to come again.
  return write && moment !== 'permitted' && moment !== 'no-range-yet' ? -EPERM : 0;
}

teardownGroup
  .case('fault', 'whatever becomes of the memory while a fault is handled, the device sees what the CPU has afterwards')
  .source(
    'hmm-tests anon_teardown; spec/05-faults §4-§6; spec/03-gpu-ranges §A.8; spec/revisions §5; spec/revisions §4',
  )
  .parameters(
    parameters()
      .combine('write', [false, true])
      .combine('moment', FAULT_NAMES)
      .combine('change', CHANGE_NAMES)
      .where(({ moment, change }) => possible(moment, change)),
  )
  .needs('fault-handler', 'gpu-work', 'preemption', 'deferred-work', 'introspection', 'virtual-clock')
  .run(async (t, { write, moment, change }) => {
    const memory = prepare(t);
    const result = during(
      t,
      FAULT_MOMENTS[moment],
      () => CHANGES[change](memory),
      () => t.fault(memory.address, { write }),
    );
    t.equal(result, faultAnswer(t, write, moment, change), 'answer to the fault');
    await checkAfterwards(t, memory, change, moment);
  });

/** How a prefetch during which the memory changed ends. */
function prefetchResult(t: CaseContext, moment: PrefetchMoment, change: Change): number {
  const unmap = change.startsWith('unmap');
  if (moment === 'ptes-written' || change.startsWith('discard')) return 0;
  if (moment === 'not-validated' && unmap) return -EFAULT;
  // The first pass ends with EAGAIN; the second one finds the attributes stored, or a hole where the collector was (Q21).
  // or, from V5 on, maps again.
  if (moment === 'pages-mapped')
    return unmap ? -ENOENT : change === 'no-access' && t.can('changes-invalidate') ? -EFAULT : 0;
  const early = !PAGES_FOR_WRITING.includes(moment);
  if (unmap) return early ? -ENOENT : -EFAULT;
  if (change === 'no-access') return -EFAULT;
  return early || t.can('read-only-retry') ? 0 : -EPERM;
}

teardownGroup
  .case('prefetch', 'whatever becomes of the memory during a prefetch, the device sees what the CPU has afterwards')
  .source('hmm-tests anon_teardown; spec/02-attributes §4.7; spec/03-gpu-ranges §B.8; spec/revisions §4')
  .parameters(
    parameters()
      .combine('moment', PREFETCH_NAMES)
      .combine('change', CHANGE_NAMES)
      .where(({ moment, change }) => possible(moment, change)),
  )
  .needs('fault-handler', 'gpu-work', 'preemption', 'deferred-work', 'introspection', 'virtual-clock')
  .run(async (t, { moment, change }) => {
    if (moment === 'attributes-stored' && t.perRevision({ v4: false, v7: false, 'v7-xnack-off': false, v8: true }))
      t.skip('an attribute is stored and applied in one step: there is no such moment');
    const memory = prepare(t);
    const result = during(
      t,
      PREFETCH_MOMENTS[moment],
      () => CHANGES[change](memory),
      () => t.trySet(memory, { prefetchLocation: 'device' }),
    );
    t.equal(result, prefetchResult(t, moment, change), 'result of the prefetch');
    if (moment === 'pages-mapped' && change.startsWith('discard')) {
      const ptes = t.ptes(memory);
      t.shows(
        'Q15',
        { quirk: ptes === '-*512', correct: ptes === 'rw*512' },
        `PTEs of a prefetch that returned 0: ${ptes}`,
      );
    } else if (result === 0 && moment !== 'ptes-written' && change === 'discard') {
      t.equal(t.ptes(memory), 'rw*512', 'PTEs of a prefetch that returned 0');
    }
    await checkAfterwards(t, memory, change, moment);
  });

teardownGroup
  .case('repeated', 'pages that are dropped again and again while they are collected are collected again')
  .source('spec/03-gpu-ranges §A.8; spec/05-faults §5')
  .parameters(
    parameters()
      .combine('moment', ['page-walk', 'pages-walked', 'pages-mapped'])
      .combine('times', [1, 2, 3, 5])
      .combine('operation', ['read', 'write', 'prefetch']),
  )
  .needs('fault-handler', 'gpu-work', 'preemption', 'introspection', 'virtual-clock')
  .run(async (t, { moment, times, operation }) => {
    const memory = prepare(t);
    let changes = 0;
    const walks = t.state().counters.hmm;
    t.onEnd(
      t.machine.at(FAULT_MOMENTS[moment][0], () => {
        // Behind every release of the mmap lock: what counts is the one behind the page walk.
        if (changes < times && t.gpu().gpu.counters.hmm > walks + changes) {
          changes++;
          memory.discard(0, 4096);
        }
      }),
    );
    const result =
      operation === 'prefetch'
        ? t.trySet(memory, { prefetchLocation: 'device' })
        : t.fault(memory.address, { write: operation === 'write' });
    t.equal(result, 0, 'result');
    // V4 gives a prefetch up whose pages leave when they are mapped (Q15), and tries a fault forever; later the SET
    // is repeated with its effect, and a fault is tried three times.
    const later = t.can('read-only-retry');
    const late = moment === 'pages-mapped';
    const lost = late && (later ? operation !== 'prefetch' && times >= 3 : operation === 'prefetch');
    const attempts = later ? 3 : 1;
    t.equal(
      [changes, t.state().counters.hmm - walks],
      lost ? [attempts, attempts] : [times, times + 1],
      'changes and page walks',
    );
    t.equal(t.ptes(memory), lost ? '-*512' : 'rw*512', 'PTEs');
    t.advance();
    t.equal(
      [await gpuLoad(t, memory.address), await gpuLoad(t, memory.at(CHUNK_2M - 4))],
      [0, 8],
      'what the device reads at both ends',
    );
  });

teardownGroup
  .case('exit', 'when the process is gone the device finds nothing any more')
  .source('spec/04-invalidation-and-gc §1, §3; spec/05-faults §7')
  .parameters(parameters().combine('used', ['no', 'by-fault', 'by-prefetch']).combine('write', [false, true]))
  .needs('process-exit', 'fault-handler', 'introspection', 'virtual-clock')
  .run((t, { used, write }) => {
    const memory = prepare(t);
    if (used === 'by-fault') t.equal(t.fault(memory.address), 0, 'answer to the fault before');
    if (used === 'by-prefetch') t.set(memory, { prefetchLocation: 'device' });
    t.equal(t.ptes(memory), used === 'no' ? '-*512' : 'rw*512', 'PTEs before');
    t.machine.process.exit();
    t.equal(t.ptes(memory), '-*512', 'PTEs afterwards');
    t.equal(t.state().counters.dmaPages, 0, 'DMA mapped pages');
    t.advance();
    for (let round = 0; round < 2; round++)
      t.equal(t.fault(memory.address, { write }), 0, 'answer to a fault afterwards');
    t.equal(
      [t.access(memory.at(pages(5)), 4, { write }).runs[0]?.outcome, t.ptes(memory)],
      ['failed', '-*512'],
      'an access afterwards, and the PTEs',
    );
    t.equal(t.trySet(memory, { access: 'in-place' }), -EFAULT, 'result of SET_ATTR');
  });
