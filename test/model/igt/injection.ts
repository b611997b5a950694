/** The idea of IGT xe_fault_injection: each place that can fail, in each operation that passes it. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import type { CaseContext } from '../../../lib/conformance/framework/context.ts';
import type { Mapping } from '../../../lib/conformance/framework/mapping.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  EBUSY,
  EFAULT,
  EINTR,
  EINVAL,
  ENODEV,
  ENOMEM,
  EOPNOTSUPP,
  EPERM,
} from '../../../lib/conformance/support/errno.ts';
import type { FailurePoint } from '../../../lib/device/emulated.ts';
import { gpuStore, load, gpuLoad, store } from '../../../lib/conformance/support/memory.ts';
import { CHUNK_2M } from '../../../lib/conformance/support/units.ts';

export const injectionGroup = new CaseGroup(
  'igt,injection',
  'A failure at each place of each operation: nothing is corrupted, and the same failure has the same result (xe_fault_injection)',
);

const ERRNO = { ENOMEM, EBUSY, EINTR, ENODEV, EINVAL, EFAULT, EOPNOTSUPP, EPERM } as const;
type ErrorName = keyof typeof ERRNO;
const ERRORS = Object.keys(ERRNO) as ErrorName[];

/** Operations on memory of 2 MiB with a word of the CPU in it; each gives its result. */
const OPERATIONS = {
  set: (t: CaseContext, memory: Mapping) => t.trySet(memory, { gpuExecutable: true }),
  split: (t: CaseContext, memory: Mapping) => t.trySet(memory.range(0, pages(16)), { gpuExecutable: true }),
  prefetch: (t: CaseContext, memory: Mapping) => t.trySet(memory, { prefetchLocation: 'device' }),
  'read-fault': (t: CaseContext, memory: Mapping) => t.fault(memory.address),
  'write-fault': (t: CaseContext, memory: Mapping) => t.fault(memory.address, { write: true }),
} as const;
type Operation = keyof typeof OPERATIONS;

/** Places that an operation passes. A split works on memory that is mapped already, the others on new memory. */
const PASSES: Readonly<Record<Operation, readonly FailurePoint[]>> = {
  set: ['allocate-interval'],
  split: ['allocate-interval', 'lock-page-directory', 'zap-ptes'],
  prefetch: [
    'allocate-interval',
    'allocate-notifier',
    'allocate-range',
    'collect-pages',
    'lock-page-directory',
    'write-ptes',
    'update-directories',
  ],
  'read-fault': [
    'allocate-interval',
    'allocate-notifier',
    'allocate-range',
    'collect-pages',
    'write-ptes',
    'update-directories',
  ],
  'write-fault': [
    'allocate-interval',
    'allocate-notifier',
    'allocate-range',
    'collect-pages',
    'write-ptes',
    'update-directories',
  ],
};
const POINTS = [
  'allocate-interval',
  'allocate-notifier',
  'allocate-range',
  'collect-pages',
  'lock-page-directory',
  'write-ptes',
  'zap-ptes',
  'update-directories',
] as const satisfies readonly FailurePoint[];

/** How the operation answers one failure at the place. */
function answer(t: CaseContext, operation: Operation, point: FailurePoint, error: ErrorName): number {
  if (!PASSES[operation].includes(point)) return 0;
  if (mappedForReading(t, point, error)) return 0;
  // Page collection: a fault tries again or gives up silently, only EPERM kills (Q55); from v8 on ENOMEM as well.
  if (operation.endsWith('-fault') && point === 'collect-pages')
    return error === 'EPERM' || (error === 'ENOMEM' && !t.can('faults-hide-shortage')) ? -ERRNO[error] : 0;
  return -ERRNO[error];
}

/** Whether the failure makes the driver map for reading what it could not collect for writing. */
function mappedForReading(t: CaseContext, point: FailurePoint, error: ErrorName): boolean {
  return point === 'collect-pages' && error === 'EPERM' && t.can('read-only-retry');
}

/** New memory, or memory that the GPU has mapped; with a word at both ends. */
async function prepare(t: CaseContext, operation: Operation): Promise<Mapping> {
  const memory = t.map(CHUNK_2M);
  store(memory, 0, 0xaaa);
  store(memory, CHUNK_2M - 4, 0xbbb);
  if (operation !== 'split') return memory;
  t.set(memory, { access: 'allow-migrate' });
  await gpuStore(t, memory.at(64), 0xccc);
  t.advance();
  return memory;
}

/** No word is lost, and the GPU can write everywhere (again). */
async function checkIntact(t: CaseContext, memory: Mapping): Promise<void> {
  t.equal([load(memory, 0), load(memory, CHUNK_2M - 4)], [0xaaa, 0xbbb], 'what the CPU reads after the failure');
  t.advance();
  t.equal(
    [await gpuLoad(t, memory.address), await gpuLoad(t, memory.at(CHUNK_2M - 4))],
    [0xaaa, 0xbbb],
    'what the GPU reads after the failure',
  );
  for (const offset of [4, pages(20), CHUNK_2M - 8]) {
    await gpuStore(t, memory.at(offset), 0x600d + offset);
    t.equal(load(memory, offset), 0x600d + offset, `what the CPU reads at 0x${offset.toString(16)} after a GPU write`);
  }
}

injectionGroup
  .case('once', 'one failure has the answer of its place, loses no word, and has the same answer the next time')
  .source('IGT xe_fault_injection; spec/03-gpu-ranges §A.6, §A.8, §B.7; spec/05-faults §5; spec/revisions §5')
  .parameters(
    parameters()
      .combine('operation', Object.keys(OPERATIONS) as Operation[])
      .combine('point', POINTS)
      .combine('error', ERRORS)
      .where(({ operation, point, error }) => PASSES[operation].includes(point) && makesSense(point, error)),
  )
  .needs('failure-injection', 'fault-handler', 'gpu-work', 'virtual-clock')
  .run(async (t, { operation, point, error }) => {
    for (let round = 0; round < 2; round++) {
      const memory = await prepare(t, operation);
      t.gpu().failures.plan(point, error);
      t.equal(
        OPERATIONS[operation](t, memory),
        answer(t, operation, point, error),
        `result of the operation in round ${round}`,
      );
      t.equal(t.gpu().failures.take(point), 0, 'the failure was met');
      if (mappedForReading(t, point, error)) {
        t.advance();
        await t.throws(
          () => gpuStore(t, memory.at(4), 1),
          'ERR_SVM_GPU_FAULT',
          'a GPU write to what is mapped for reading',
        );
        // An event takes it from the GPU, and it is collected again.
        memory.protect('r');
        memory.protect('rw');
      }
      await checkIntact(t, memory);
      memory.unmap();
      t.collect();
    }
  });

/** What can go wrong at a place: memory at allocations, signals at waits, anything where other layers answer. */
function makesSense(point: FailurePoint, error: ErrorName): boolean {
  if (point.startsWith('allocate-')) return error === 'ENOMEM';
  if (point === 'lock-page-directory') return error === 'EINTR';
  if (point === 'collect-pages') return error !== 'EINTR' && error !== 'ENODEV';
  return ['ENOMEM', 'EBUSY', 'ENODEV', 'EINVAL'].includes(error);
}

injectionGroup
  .case('not-passed', 'a place that the operation does not pass cannot make it fail')
  .source('spec/03-gpu-ranges §B.7: only the mapping of an interval waits interruptibly; spec/revisions §4')
  .parameters(
    parameters()
      .combine('operation', Object.keys(OPERATIONS) as Operation[])
      .combine('point', POINTS)
      .where(({ operation, point }) => !PASSES[operation].includes(point)),
  )
  .needs('failure-injection', 'fault-handler', 'gpu-work', 'virtual-clock')
  .run(async (t, { operation, point }) => {
    const memory = await prepare(t, operation);
    t.gpu().failures.plan(point, 'ENODEV');
    // From V5 on all of them look for buffer objects, under the lock of the page directory.
    const passed = point === 'lock-page-directory' && t.can('buffer-object-check');
    t.equal(OPERATIONS[operation](t, memory), passed ? -ENODEV : 0, 'result of the operation');
    t.equal(t.gpu().failures.take(point), passed ? 0 : -ENODEV, 'the failure that is still to come');
    await checkIntact(t, memory);
  });

injectionGroup
  .case('repeated-set', 'a SET that failed and is repeated should do what it did not do; from V5 on a prefetch does')
  .source('spec/07-quirks §Q25; spec/revisions §4; spec/xnack-off §2')
  .parameters(
    parameters()
      .combine('operation', ['split', 'prefetch'])
      .combine('point', POINTS)
      .where(({ operation, point }) => PASSES[operation].includes(point)),
  )
  .needs('failure-injection', 'gpu-work', 'introspection', 'virtual-clock')
  .run(async (t, { operation, point }) => {
    const memory = await prepare(t, operation);
    const error = point === 'lock-page-directory' ? 'EINTR' : point.startsWith('allocate-') ? 'ENOMEM' : 'EBUSY';
    t.gpu().failures.plan(point, error);
    t.equal(OPERATIONS[operation](t, memory), -ERRNO[error], 'result of the SET that fails');
    t.equal(OPERATIONS[operation](t, memory), 0, 'result of the SET that is repeated');
    const done =
      operation === 'prefetch'
        ? t.ptes(memory) === 'rw*512' && t.ranges(memory).length === 1 && t.state().ranges[0]?.mapped === true
        : t.can('xnack-off')
          ? t.ptes(memory.range(0, pages(16))) === 'rwx*16'
          : t.ranges(memory).length === 0;
    // The attributes are stored before the effect; only where they could not be is there something left to do.
    // From V5 on a prefetch location maps again, and without retry faults each SET maps what has access.
    const repeats = t.perRevision({
      v4: false,
      v7: operation === 'prefetch',
      'v7-xnack-off': true,
      v8: operation === 'prefetch',
    });
    if (point === 'allocate-interval' || repeats) t.ok(done, 'the repeated SET has its effect');
    else t.shows('Q25', { quirk: !done, correct: done }, 'the effect of the SET that is repeated');
    t.equal(
      t.get(memory.range(0, pages(16)), [operation === 'prefetch' ? 'prefetchLocation' : 'gpuExecutable']),
      [1],
      'attribute',
    );
  });

injectionGroup
  .case('attempts', 'a fault tries to collect pages three times, then the GPU has to come again')
  .source('spec/05-faults §5; spec/07-quirks §Q55; spec/revisions §5')
  .parameters(
    parameters().combine('error', ['EFAULT', 'EOPNOTSUPP', 'ENOMEM', 'EBUSY', 'EINVAL']).combine('failures', [1, 2, 3]),
  )
  .needs('failure-injection', 'fault-handler', 'introspection', 'virtual-clock', 'gpu-work')
  .run(async (t, { error, failures }) => {
    const memory = await prepare(t, 'read-fault');
    t.gpu().failures.plan('collect-pages', error, failures);
    const hides = t.can('faults-hide-shortage');
    const result = error === 'ENOMEM' && !hides ? -ENOMEM : 0;
    t.equal(t.fault(memory.address), result, 'result of the fault');
    const again = error === 'EFAULT' || error === 'EOPNOTSUPP' || (error === 'EBUSY' && !hides);
    t.equal(t.ptes(memory), again && failures < 3 ? 'rw*512' : '-*512', 'PTEs');
    // What was not met in three attempts, or after the one that is not repeated, waits for the next fault.
    const left = again ? 0 : failures - 1;
    for (let index = 0; index < left; index++)
      t.equal(t.gpu().failures.take('collect-pages'), -ERRNO[error], 'a failure that is left');
    t.equal(t.gpu().failures.take('collect-pages'), 0, 'failures that are left');
    await checkIntact(t, memory);
  });

injectionGroup
  .case('nth-range', 'a prefetch that fails in the middle keeps what it mapped, and all of the memory stays usable')
  .source('spec/03-gpu-ranges §B.8; spec/02-attributes §4.8; spec/revisions §4')
  .parameters(
    parameters()
      .combine('point', ['allocate-range', 'collect-pages', 'lock-page-directory', 'write-ptes', 'update-directories'])
      .combine('skip', [0, 1, 2, 3]),
  )
  .needs('failure-injection', 'gpu-work', 'introspection')
  .needs('retry-faults')
  .run(async (t, { point, skip: passage }) => {
    const memory = t.map(4 * CHUNK_2M);
    for (let index = 0; index < 4; index++) store(memory, index * CHUNK_2M, index + 1);
    const error = point === 'lock-page-directory' ? 'EINTR' : 'ENOMEM';
    t.gpu().failures.plan(point, error, 1, passage);
    // From V5 on the first lock is that of the invalidation, before anything is mapped.
    const skip = point === 'lock-page-directory' && t.can('changes-invalidate') ? Math.max(0, passage - 1) : passage;
    t.equal(t.trySet(memory, { prefetchLocation: 'device' }), -ERRNO[error], 'result of the prefetch');
    const mapped = t.state().ranges.filter(({ mapped: each }) => each).length;
    t.equal(mapped, skip, 'GPU ranges that are mapped');
    if (skip > 0)
      t.equal(t.ptes(memory.range(0, skip * CHUNK_2M)), `rw*${skip * 512}`, 'PTEs of what was mapped before');
    // Q41: what a commit wrote before its directory update failed stays.
    const behind = memory.range(skip * CHUNK_2M, CHUNK_2M);
    t.equal(t.ptes(behind), point === 'update-directories' ? 'rw*512' : '-*512', 'PTEs of the range that failed');
    for (let index = 0; index < 4; index++) {
      t.equal(await gpuLoad(t, memory.at(index * CHUNK_2M)), index + 1, `what the GPU reads in range ${index}`);
      await gpuStore(t, memory.at(index * CHUNK_2M), 0x40 + index);
      t.equal(load(memory, index * CHUNK_2M), 0x40 + index, `what the CPU reads in range ${index}`);
    }
  });

injectionGroup
  .case('zap', 'when PTEs cannot be cleared as memory leaves, the GPU should not see the old memory')
  .source('spec/07-quirks §Q39')
  .parameters(
    parameters().combine('event', ['discard', 'read-only', 'unmap']).combine('error', ['EBUSY', 'ENOMEM', 'ENODEV']),
  )
  .needs('failure-injection', 'gpu-work', 'fault-handler', 'introspection')
  .run(async (t, { event, error }) => {
    const memory = await prepare(t, 'split');
    t.gpu().failures.plan('zap-ptes', error);
    if (event === 'discard') memory.discard();
    else if (event === 'read-only') memory.protect('r');
    else memory.unmap();
    t.equal(t.gpu().failures.take('zap-ptes'), 0, 'the failure was met');
    t.equal(
      t.state().ranges.map(({ mapped, dmaMapped }) => [mapped, dmaMapped]),
      [[false, false]],
      'whether the range is GPU mapped and DMA mapped',
    );
    const { outcome } = t.access(memory.at(64), 4, { write: true }).runs[0]!;
    t.shows('Q39', { quirk: outcome === 'hit', correct: outcome !== 'hit' }, 'a GPU write afterwards');
  });

injectionGroup
  .case('split-then-prefetch', 'a prefetch of a part does not map what its split could not take away')
  .source('spec/02-attributes §5.2: an error of the invalidation ends the effect')
  .parameters(parameters().combine('point', ['lock-page-directory', 'zap-ptes']).combine('count', [16, 256]))
  .needs('failure-injection', 'gpu-work', 'introspection', 'events', 'virtual-clock')
  .needs('retry-faults')
  .run(async (t, { point, count }) => {
    const memory = await prepare(t, 'split');
    const error = point === 'zap-ptes' ? 'EBUSY' : 'EINTR';
    t.gpu().failures.plan(point, error);
    let result = 0;
    const counts = t.countEvents(() => {
      result = t.trySet(memory.range(0, pages(count)), { prefetchLocation: 'device' });
    });
    t.equal(
      [result, counts.has('prefetch'), counts.has('ptes-written')],
      [-ERRNO[error], false, false],
      'result, and whether anything was mapped',
    );
    t.equal(t.ranges(memory), [[0, CHUNK_2M]], 'GPU ranges');
    t.has(memory.range(0, pages(count)), { prefetchLocation: 'device' }, 'prefetch location');
    await checkIntact(t, memory);
  });
