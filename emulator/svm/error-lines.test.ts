/** How many error lines each failure writes to the kernel log (spec/06-lifecycle §11), and what writes none. */
import { describe, expect, it } from 'vitest';
import { at, BLOCK, MIB, Rig, T, V } from '../../test/support/emulator-rig.ts';
import type { FailurePoint, MachineOptions } from '../index.ts';

interface Row {
  readonly what: string;
  readonly lines: number;
  readonly options?: MachineOptions & { compute?: boolean };
  readonly before?: (rig: Rig) => unknown;
  readonly run: (rig: Rig) => unknown;
}

function onGpu(rig: Rig): void {
  rig.region();
  rig.set(V, BLOCK, [T.access, 2]);
  rig.access(V, BLOCK, true);
  rig.later();
}

function plan(
  rig: Rig,
  point: FailurePoint,
  errno: 'EFAULT' | 'EOPNOTSUPP' | 'EBUSY' | 'EPERM' | 'ENOMEM' | 'ENODEV' | 'EINTR',
  count = 1,
): void {
  rig.device.failures.plan(point, errno, count);
}

function prefetch(rig: Rig): number {
  return rig.set(V, BLOCK, [T.prefetchLocation, 1]);
}

const FAULTS: readonly Row[] = [
  { what: 'served', lines: 0, before: (rig) => rig.region(), run: (rig) => rig.fault(V) },
  { what: 'already valid', lines: 0, before: onGpu, run: (rig) => rig.fault(V) },
  {
    what: 'in the 2 ms window',
    lines: 0,
    before: (rig) => (rig.region(), rig.fault(V), rig.discard(V, BLOCK)),
    run: (rig) => rig.fault(V),
  },
  {
    what: 'stale',
    lines: 0,
    before: (rig) => (onGpu(rig), rig.device.setInterruptRing('soft', true, 5_000), rig.unmap(V, BLOCK)),
    run: (rig) => rig.fault(V, false, 5_000),
  },
  { what: 'unknown PASID', lines: 1, run: (rig) => rig.device.fault({ address: at(V), write: false, pasid: 1 }) },
  { what: 'no context', lines: 1, options: { compute: false }, run: (rig) => rig.fault(V) },
  { what: 'no SVM in the kernel', lines: 0, options: { svmConfigured: false }, run: (rig) => rig.fault(V) },
  { what: 'closing', lines: 1, before: (rig) => rig.device.closeContext(rig.node.file), run: (rig) => rig.fault(V) },
  { what: 'no VMA, no interval', lines: 2, run: (rig) => rig.fault(V) },
  {
    what: 'no VMA, an interval',
    lines: 2,
    before: (rig) => (rig.region(), rig.set(V, BLOCK, [T.access, 2]), rig.unmap(V, BLOCK)),
    run: (rig) => rig.fault(V),
  },
  {
    what: 'dead process',
    lines: 2,
    before: (rig) => (rig.region(), rig.set(V, BLOCK, [T.access, 2]), rig.machine.process.exit()),
    run: (rig) => rig.fault(V),
  },
  {
    what: 'refused VMA kind',
    lines: 1,
    before: (rig) => rig.map(V, BLOCK, 'rw', 'mixedmap'),
    run: (rig) => rig.fault(V),
  },
  {
    what: 'no memory for an interval',
    lines: 0,
    before: (rig) => (rig.region(), plan(rig, 'allocate-interval', 'ENOMEM')),
    run: (rig) => rig.fault(V),
  },
  { what: 'no permission', lines: 1, before: (rig) => rig.map(V, BLOCK, 'r'), run: (rig) => rig.fault(V, true) },
  {
    what: 'no memory for a range',
    lines: 1,
    before: (rig) => (rig.region(), plan(rig, 'allocate-range', 'ENOMEM')),
    run: (rig) => rig.fault(V),
  },
  {
    what: 'no memory in the collector',
    lines: 1,
    before: (rig) => {
      rig.region(V, 3 * BLOCK);
      rig.set(V, 3 * BLOCK, [T.access, 2]);
      rig.access(V + BLOCK);
      rig.later();
      rig.unmap(V + BLOCK, BLOCK);
      plan(rig, 'clear-split', 'ENOMEM');
    },
    run: (rig) => rig.fault(V),
  },
  {
    what: 'EFAULT of one attempt',
    lines: 1,
    before: (rig) => (rig.region(), plan(rig, 'collect-pages', 'EFAULT')),
    run: (rig) => rig.fault(V),
  },
  {
    what: 'EFAULT of all attempts',
    lines: 3,
    before: (rig) => (rig.region(), plan(rig, 'collect-pages', 'EFAULT', 3)),
    run: (rig) => rig.fault(V),
  },
  {
    what: 'EOPNOTSUPP of all attempts',
    lines: 6,
    before: (rig) => (rig.region(), plan(rig, 'collect-pages', 'EOPNOTSUPP', 3)),
    run: (rig) => rig.fault(V),
  },
  {
    what: 'EPERM of the pages',
    lines: 1,
    before: (rig) => (rig.region(), plan(rig, 'collect-pages', 'EPERM')),
    run: (rig) => rig.fault(V),
  },
  {
    what: 'EBUSY of the pages',
    lines: 0,
    before: (rig) => (rig.region(), plan(rig, 'collect-pages', 'EBUSY')),
    run: (rig) => rig.fault(V),
  },
  {
    what: 'failed commit',
    lines: 0,
    before: (rig) => (rig.region(), plan(rig, 'update-directories', 'ENODEV')),
    run: (rig) => rig.fault(V),
  },
  {
    what: 'three invalidations',
    lines: 1,
    before: (rig) => rig.region(),
    run: (rig) => {
      let passes = 0;
      const stop = rig.machine.at('pages-got', () => {
        if (++passes <= 3) rig.discard(V, BLOCK);
      });
      rig.fault(V);
      stop();
    },
  },
];

const CALLS: readonly Row[] = [
  {
    what: 'context without XNACK',
    lines: 1,
    options: { asic: 'gfx1100', compute: false },
    run: (rig) => rig.get(V, 1, T.access),
  },
  { what: 'prefetch that succeeds', lines: 0, before: (rig) => rig.region(), run: prefetch },
  { what: 'prefetch of memory that cannot be read', lines: 1, before: (rig) => rig.map(V, BLOCK, '-'), run: prefetch },
  {
    what: 'prefetch without memory for a range',
    lines: 1,
    before: (rig) => (rig.region(), plan(rig, 'allocate-range', 'ENOMEM')),
    run: prefetch,
  },
  {
    what: 'prefetch, EOPNOTSUPP',
    lines: 2,
    before: (rig) => (rig.region(), plan(rig, 'collect-pages', 'EOPNOTSUPP')),
    run: prefetch,
  },
  {
    what: 'prefetch, failed commit',
    lines: 1,
    before: (rig) => (rig.region(), plan(rig, 'update-directories', 'ENODEV')),
    run: prefetch,
  },
  {
    what: 'prefetch, invalidated',
    lines: 1,
    before: (rig) => rig.region(),
    run: (rig) =>
      rig.during(
        'pages-got',
        () => rig.discard(V, BLOCK),
        () => prefetch(rig),
      ),
  },
  {
    what: 'failed split',
    lines: 1,
    before: (rig) => (onGpu(rig), plan(rig, 'lock-page-directory', 'EINTR')),
    run: (rig) => rig.set(V, MIB, [T.gpuReadOnly, 1]),
  },
  {
    what: 'failed zap of an event',
    lines: 0,
    before: (rig) => (onGpu(rig), plan(rig, 'zap-ptes', 'EBUSY')),
    run: (rig) => rig.discard(V, BLOCK),
  },
  { what: 'illegal arguments', lines: 0, run: (rig) => rig.ioctl(7, 0n, 0n, []) },
];

describe('error lines of', () => {
  it.each([...FAULTS, ...CALLS])('$what: $lines', ({ options, before, run, lines }) => {
    const rig = new Rig(options);
    before?.(rig);
    const { counters } = rig.device.gpu;
    const earlier = counters.errorLines;
    run(rig);
    expect(counters.errorLines - earlier).toBe(lines);
  });
});
