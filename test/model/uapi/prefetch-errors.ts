/** The errors of a SET that maps an interval on the GPU. */
import { getsWithoutMemory } from '../../../lib/conformance/support/without-memory.ts';
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import type { CaseContext } from '../../../lib/conformance/framework/context.ts';
import type { Mapping } from '../../../lib/conformance/framework/mapping.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  EAGAIN,
  EBUSY,
  EFAULT,
  EINTR,
  EINVAL,
  EIO,
  ENODEV,
  ENOENT,
  ENOMEM,
  EOPNOTSUPP,
  EPERM,
} from '../../../lib/conformance/support/errno.ts';

export const prefetchErrorsGroup = new CaseGroup(
  'uapi,prefetch-errors',
  'Errors that reach the caller from the mapping of an interval (spec/01-uapi §7)',
);

const PREFETCH = [1, 1] as const;

const BLOCK = pages(512);

/** The record is stored although the call failed, and nothing is mapped. */
function checkStored(t: CaseContext, memory: Mapping): void {
  t.equal(t.get(memory.range(), [1]), [1], 'prefetch location afterwards');
  t.equal(t.ptes(memory.range()), '-*512', 'PTEs');
}

prefetchErrorsGroup
  .case('beyond-the-gpu', 'attributes can be set beyond what the GPU reaches, a prefetch there gives EINVAL')
  .source('spec/01-uapi §7, §8; spec/03-gpu-ranges §A.6 step 1')
  .needs('configuration', 'address-choice', 'introspection')
  .run((t) => {
    t.setup({ machine: { vaBits: 36 } });
    const memory = t.map(BLOCK, { address: (1n << 36n) + BigInt(BLOCK) });
    t.equal(t.trySet(memory.range(), [[3, 5]]), 0, 'SET_ATTR without a prefetch');
    t.equal(t.trySet(memory.range(), [PREFETCH]), -EINVAL, 'SET_ATTR with a prefetch');
    checkStored(t, memory);
    const below = t.map(BLOCK, { address: (1n << 36n) - BigInt(BLOCK) });
    t.equal(t.trySet(below.range(), [PREFETCH]), 0, 'the last block that the GPU reaches');
    t.equal(t.ptes(below.range()), 'rw*512', 'its PTEs');
  });

const INJECTED = [
  ['allocate-notifier', 'ENOMEM', ENOMEM],
  ['allocate-range', 'ENOMEM', ENOMEM],
  ['collect-pages', 'ENOMEM', ENOMEM],
  ['collect-pages', 'EBUSY', EBUSY],
  ['collect-pages', 'EFAULT', EFAULT],
  ['collect-pages', 'EOPNOTSUPP', EOPNOTSUPP],
  ['lock-page-directory', 'EINTR', EINTR],
  ['write-ptes', 'EBUSY', EBUSY],
  ['write-ptes', 'ENODEV', ENODEV],
  ['write-ptes', 'ENOMEM', ENOMEM],
  ['update-directories', 'ENOMEM', ENOMEM],
  ['update-directories', 'ENODEV', ENODEV],
] as const;

prefetchErrorsGroup
  .case('passed-through', 'an error of any step of the mapping is the result of the call, and the record is stored')
  .source('spec/01-uapi §7; spec/03-gpu-ranges §B.8')
  .parameters(
    parameters()
      .combine(
        'failure',
        INJECTED.map(([point, errno]) => `${point} ${errno}`),
      )
      .combine('onto', ['hole', 'interval']),
  )
  .needs('failure-injection', 'introspection')
  .run((t, { failure, onto }) => {
    const [point, errno, code] = INJECTED.find(([each, name]) => `${each} ${name}` === failure)!;
    const memory = t.map(BLOCK);
    if (onto === 'interval') t.set(memory.range(), [[3, 5]]);
    t.gpu().failures.plan(point, errno);
    t.equal(t.trySet(memory.range(), [PREFETCH]), -code, 'result of SET_ATTR');
    t.equal(t.get(memory.range(), [1]), [1], 'prefetch location afterwards');
    t.equal(
      t.state().ranges.some(({ mapped }) => mapped),
      false,
      'a range counts as mapped',
    );
    t.set(memory.range(), [[3, 6]]);
    t.equal(t.ptes(memory.range()), 'rw*512', 'PTEs after the next change');
  });

prefetchErrorsGroup
  .case('no-interval', 'without memory for the interval the call gives ENOMEM and stores nothing')
  .source('spec/02-attributes §4.5 step 2')
  .needs('failure-injection', 'introspection')
  .run((t) => {
    const memory = t.map(BLOCK);
    t.gpu().failures.plan('allocate-interval', 'ENOMEM');
    t.equal(t.trySet(memory.range(), [PREFETCH]), -ENOMEM, 'result of SET_ATTR');
    t.equal(t.get(memory.range(), [1]), [0xffff_ffff], 'prefetch location afterwards');
    t.equal(t.state().attributes.length, 0, 'intervals');
    t.equal(t.trySet(memory.range(), [PREFETCH]), 0, 'the same call again');
    t.equal(t.ptes(memory.range()), 'rw*512', 'PTEs');
  });

prefetchErrorsGroup
  .case('split-interrupted', 'a signal while the split waits gives EINTR, and the split intervals stay')
  .source('spec/01-uapi §7; spec/02-attributes §5.2')
  .needs('failure-injection', 'introspection')
  .run((t) => {
    const memory = t.map(BLOCK);
    t.set(memory.range(), [PREFETCH]);
    t.gpu().failures.plan('lock-page-directory', 'EINTR');
    t.equal(t.trySet(memory.range(0, BLOCK / 2), [[8, 1]]), -EINTR, 'result of SET_ATTR');
    t.equal(t.get(memory.range(0, BLOCK / 2), [8]), [1], 'GPU_RO of the part');
    t.equal(t.state().attributes.length, 2, 'intervals');
    t.equal(t.ptes(memory.range()), 'rw*512', 'PTEs: neither zapped nor mapped again');
  });

prefetchErrorsGroup
  .case(
    'changed-after-validation',
    'memory that changes after the validation is met by the mapping: ENOENT without a VMA, EIO for VM_IO and VM_PFNMAP',
  )
  .source('spec/01-uapi §7; spec/03-gpu-ranges §A.6')
  .parameters(parameters().combine('becomes', ['hole', 'io', 'pfnmap'] as const))
  .needs('preemption', 'introspection')
  .needsAt(({ becomes }) => (becomes === 'hole' ? [] : ['special-mapping', 'address-choice']))
  .run((t, { becomes }) => {
    const memory = t.map(BLOCK);
    let ran = 0;
    const stop = t.machine.at('vma-checked', () => {
      ran++;
      memory.unmap();
      if (becomes !== 'hole') t.map(BLOCK, { kind: becomes, address: memory.address });
    });
    t.equal(t.trySet(memory.range(), [PREFETCH]), becomes === 'hole' ? -ENOENT : -EIO, 'result of SET_ATTR');
    stop();
    t.equal(ran, 1, 'moments after the validation');
    getsWithoutMemory(
      t,
      memory.range(),
      [1],
      [1],
      'prefetch location afterwards',
      becomes === 'hole' ? EFAULT : EOPNOTSUPP,
    );
    t.equal(t.ptes(memory.range()), '-*512', 'PTEs');
  });

prefetchErrorsGroup
  .case(
    'read-only-neighbour',
    'a range that reaches into memory which is not writable cannot be collected for writing: EPERM',
  )
  .source('spec/01-uapi §7; spec/07-quirks §Q52')
  .parameters(parameters().combine('letters', ['r', 'rx'] as const))
  .needs('introspection')
  .run((t, { letters }) => {
    const memory = t.map(BLOCK);
    t.set(memory.range(), [PREFETCH]);
    t.equal(t.ranges(memory.range()), [[0, BLOCK]], 'ranges');
    memory.discard();
    memory.protect(letters, BLOCK / 2);
    // Later revisions collect for reading then.
    const retried = t.can('read-only-retry');
    t.equal(t.trySet(memory.range(), [[3, 4]]), retried ? 0 : -EPERM, 'result of SET_ATTR');
    if (retried) t.equal(t.ptes(memory.range()), 'r*512', 'PTEs');
    else checkStored(t, memory);
  });

prefetchErrorsGroup
  .case('never-eagain', 'pages that change between collection and commit never show as EAGAIN')
  .source('spec/01-uapi §7; spec/02-attributes §4.7')
  .needs('preemption', 'introspection')
  .run((t) => {
    const memory = t.map(BLOCK);
    let ran = 0;
    const stop = t.machine.at(
      'pages-got',
      () => {
        ran++;
        memory.discard(0, pages(1));
      },
      { pass: 1 },
    );
    const result = t.trySet(memory.range(), [PREFETCH]);
    stop();
    t.equal(ran, 1, 'changes between collection and commit');
    t.ok(result !== -EAGAIN, 'the result is not EAGAIN');
    t.equal(result, 0, 'result of SET_ATTR');
  });
