/** Catalogue 07-quirks, section A: life cycle and ABI. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { EFAULT, EINVAL, EOPNOTSUPP } from '../../../lib/conformance/support/errno.ts';
import { region } from '../../../lib/conformance/support/region.ts';
import { during } from '../support/scene.ts';
import type { GivenAttributes } from '../../../lib/conformance/framework/attributes.ts';

export const abiQuirksGroup = new CaseGroup('quirks,abi', 'Life cycle and ABI (07-quirks, section A)');

const CALLS: Readonly<
  Record<
    string,
    {
      operation: number;
      address: bigint;
      size: number;
      attributes: GivenAttributes;
      attributesAddress?: bigint;
      errno: number;
    }
  >
> = {
  'nothing-but-zeros': { operation: 7, address: 0n, size: 0, attributes: [], errno: EINVAL },
  'unaligned-start': { operation: 0, address: 0x1001n, size: 4096, attributes: { access: 'in-place' }, errno: EINVAL },
  'zero-size': { operation: 1, address: 0x1000n, size: 0, attributes: { access: 'in-place' }, errno: EINVAL },
  'no-records': { operation: 0, address: 0x1000n, size: 4096, attributes: [], errno: EINVAL },
  'bad-pointer': {
    operation: 0,
    address: 0x1000n,
    size: 4096,
    attributes: { access: 'in-place' },
    attributesAddress: 0x1000n,
    errno: EFAULT,
  },
  'unknown-operation': {
    operation: 3,
    address: 0x1000n,
    size: 4096,
    attributes: { access: 'in-place' },
    errno: EINVAL,
  },
  'illegal-value': { operation: 0, address: 0x1000n, size: 4096, attributes: { access: 3 }, errno: EINVAL },
};

abiQuirksGroup
  .case('q01-refused-call-leaves-a-context', 'a call with illegal arguments creates the SVM context all the same')
  .source('spec/07-quirks §Q01; spec/01-uapi §6, check 1')
  .parameters(parameters().combine('call', Object.keys(CALLS)))
  .needs('lazy-context', 'introspection')
  .run((t, { call }) => {
    t.setup({ compute: false });
    const file = t.gpu().files[0]!;
    t.ok(file.context === null, 'there is no context before the first ioctl');
    const { errno, ...request } = CALLS[call]!;
    t.equal(t.ioctl(request).result, -errno, 'result');
    t.shows(
      'Q01',
      { quirk: file.context !== null, correct: file.context === null },
      'the context after a refused call',
    );
  });

abiQuirksGroup
  .case('q01-creation-error-first', 'without XNACK the error of the creation hides every error of the arguments')
  .source('spec/07-quirks §Q01')
  .parameters(parameters().combine('call', Object.keys(CALLS)).combine('compute', [true, false]))
  .needs('configuration', 'lazy-context')
  .needs('refuses-xnack-off')
  .run((t, { call, compute }) => {
    t.setup({ machine: { asic: 'gfx1030' }, compute });
    const { errno, ...request } = CALLS[call]!;
    const { result } = t.ioctl(request);
    t.shows('Q01', { quirk: result === -EOPNOTSUPP, correct: result === -errno }, 'the result of an illegal call');
    t.ok(t.gpu().files[0]!.context === null, 'there is still no context');
  });

abiQuirksGroup
  .case('q02-no-fallback', 'faults of a VM with a context go to its handler only, also those that it refuses')
  .source('spec/07-quirks §Q02')
  .parameters(parameters().combine('memory', ['no-access', 'ordinary', 'none'] as const))
  .needs('fault-handler')
  .run((t, { memory: kind }) => {
    const memory = t.map(pages(512), { protection: kind === 'no-access' ? '-' : 'rw' });
    if (kind === 'none') memory.unmap();
    const { askedHandler, handled } = t.gpu().vmFault({ address: memory.address, write: false });
    t.equal(handled, kind !== 'no-access', 'the fault counts as handled');
    t.shows(
      'Q02',
      { quirk: askedHandler === 'svm', correct: askedHandler === 'kfd-svm' },
      'the handler of memory that the ioctl knows nothing of',
    );
  });

abiQuirksGroup
  .case('q02-kfd-without-context', 'without the option the faults of a compute VM go to KFD SVM')
  .source('spec/07-quirks §Q02; spec/06-lifecycle §9')
  .needs('fault-handler', 'configuration')
  .unrecorded('the trace format has no kernel without SVM')
  .run((t) => {
    t.setup({ machine: { svmConfigured: false } });
    const memory = t.map(pages(512));
    t.equal(t.gpu().vmFault({ address: memory.address, write: false }).askedHandler, 'kfd-svm', 'the handler');
  });

abiQuirksGroup
  .case(
    'q03-conversion-fails',
    'on a GPU without XNACK the conversion to a compute VM fails, and leaves the VM marked as one',
  )
  .source('spec/07-quirks §Q03; spec/revisions §4')
  .parameters(parameters().combine('asic', ['gfx900', 'gfx906', 'gfx908', 'gfx1030', 'gfx1100', 'gfx1201'] as const))
  .needs('configuration', 'introspection')
  .needs('refuses-xnack-off')
  .run((t, { asic }) => {
    // The machines of PATCH v8 are booted with amdgpu.noretry=0, the others as each GPU has it.
    t.setup({ machine: { asic, noretry: true } });
    const file = t.gpu().files[0]!;
    t.equal([file.vm.compute, file.context], [true, null], 'compute flag and context');
    t.shows('Q03', { quirk: file.computeResult === -EOPNOTSUPP, correct: file.computeResult === 0 }, 'the conversion');
  });

abiQuirksGroup
  .case('q03-conversion-succeeds', 'on a GPU with XNACK the conversion succeeds and creates the context')
  .source('spec/06-lifecycle §3, §5')
  .parameters(parameters().combine('asic', ['gfx90a', 'gfx942', 'gfx950'] as const))
  .needs('configuration', 'introspection')
  .run((t, { asic }) => {
    t.setup({ machine: { asic } });
    const file = t.gpu().files[0]!;
    t.equal(
      [file.computeResult, file.vm.compute, file.context !== null],
      [0, true, true],
      'result, compute flag, context',
    );
    t.has(t.map(pages(1)).range(), { granularity: 9 }, 'granularity of a hole');
  });

abiQuirksGroup
  .case(
    'q04-context-without-faults',
    'the context of a VM that is no compute VM gets no faults: the dummy page is mapped and the access reported',
  )
  .source('spec/07-quirks §Q04')
  .parameters(parameters().combine('registered', [false, true]))
  .needs('lazy-context', 'fault-handler', 'introspection')
  .run((t, { registered }) => {
    t.setup({ compute: false });
    const memory = region(t);
    t.get(memory.range(), ['access']);
    if (registered) t.set(memory.range(), { access: 'allow-migrate' });
    const { handled, askedHandler } = t.gpu().vmFault({ address: memory.address, write: false });
    const dummy = t.ptes(memory.range(), { states: false }) === 'rwx*1 -*511';
    t.shows(
      'Q04',
      { quirk: !handled && askedHandler === 'none' && dummy, correct: handled && askedHandler === 'svm' && !dummy },
      'the fault',
    );
  });

abiQuirksGroup
  .case('q04-prefetch-works', 'in a VM that is no compute VM a prefetch maps as ever')
  .source('spec/07-quirks §Q04')
  .needs('lazy-context', 'introspection')
  .run((t) => {
    t.setup({ compute: false });
    const memory = region(t);
    t.set(memory.range(), { prefetchLocation: 'device' });
    t.equal(t.ptes(memory.range()), 'rw*512', 'PTEs');
  });

abiQuirksGroup
  .case('q05-no-retry-ignored', 'GC 9.4.2, 9.4.3, 9.4.4 and 9.5.0 count as XNACK on although retries are off')
  .source('spec/07-quirks §Q05')
  .parameters(parameters().combine('gc', ['9.4.2', '9.4.3', '9.4.4', '9.5.0']))
  .needs('configuration')
  .run((t, { gc }) => {
    t.setup({ machine: { gc, noretry: true } });
    const memory = t.map(pages(1));
    const result = t.trySet(memory.range(), { granularity: 5 });
    t.shows('Q05', { quirk: result === 0, correct: result === -EOPNOTSUPP }, 'SET_ATTR without retries');
  });

abiQuirksGroup
  .case('q05-no-retry-counts', 'other GC 9 versions look at the no-retry setting; later ones have no XNACK at all')
  .source('spec/07-quirks §Q05; spec/06-lifecycle §3')
  .parameters(
    parameters()
      .combine('gc', [
        '9.0.1',
        '9.1.0',
        '9.2.1',
        '9.3.0',
        '9.4.0',
        '9.4.1',
        '9.0.0',
        '10.1.1',
        '10.3.0',
        '11.0.0',
        '12.0.0',
      ])
      .combine('noretry', [false, true]),
  )
  .needs('configuration')
  .needs('refuses-xnack-off')
  .run((t, { gc, noretry }) => {
    t.setup({ machine: { gc, noretry } });
    const memory = t.map(pages(1));
    const nine = gc.startsWith('9.') && gc !== '9.0.0';
    t.equal(t.trySet(memory.range(), { granularity: 5 }), nine && !noretry ? 0 : -EOPNOTSUPP, 'result of SET_ATTR');
  });

abiQuirksGroup
  .case('q05-virtual-function', 'a virtual function with GC 9.4.2 and no XNACK has no SVM')
  .source('spec/06-lifecycle §3 step 2')
  .parameters(parameters().combine('xnack', [false, true]))
  .needs('configuration')
  .needs('refuses-xnack-off')
  .run((t, { xnack }) => {
    t.setup({ machine: { gc: '9.4.2', sriovXnack: xnack } });
    const memory = t.map(pages(1));
    t.equal(t.trySet(memory.range(), { granularity: 5 }), xnack ? 0 : -EOPNOTSUPP, 'result of SET_ATTR');
  });

abiQuirksGroup
  .case('q06-granularity-truncated', 'a default granularity from 256 on is taken modulo 256 before it is limited to 27')
  .source('spec/07-quirks §Q06')
  .parameters(parameters().combine('parameter', [256, 257, 265, 282, 512, 521]))
  .needs('configuration')
  .run((t, { parameter }) => {
    t.setup({ machine: { defaultGranularity: parameter } });
    const [seen] = t.get(t.map(pages(1)).range(), ['granularity']);
    t.shows('Q06', { quirk: seen === parameter % 256, correct: seen === 27 }, 'granularity of a hole');
  });

abiQuirksGroup
  .case(
    'q06-granularity-limited',
    'a default granularity above 27 is 27; it is what holes, new intervals and faults get',
  )
  .source('spec/07-quirks §Q06; spec/02-attributes §2, §9')
  .parameters(parameters().combine('parameter', [0, 1, 8, 9, 10, 26, 27, 28, 63, 255, 300, 511]))
  .needs('configuration', 'fault-handler', 'introspection')
  .run((t, { parameter }) => {
    t.setup({ machine: { defaultGranularity: parameter } });
    const expected = Math.min(parameter % 256, 27);
    const memory = region(t, 1024);
    t.has(memory.range(), { granularity: expected }, 'granularity of a hole');
    t.equal(t.fault(memory.at(pages(700))), 0, 'result of the fault');
    const size = Math.min(2 ** expected, 1024);
    const base = Number(memory.address >> 12n);
    const first = expected >= 10 ? 0 : Math.floor(700 / size) * size;
    t.equal(
      t
        .state()
        .attributes.map(({ firstPage, lastPage, granularity }) => [firstPage - base, lastPage - base, granularity]),
      [[first, first + size - 1, expected]],
      'the interval that the fault made',
    );
    t.set(memory.range(0, pages(1)), { gpuExecutable: true });
    t.has(memory.range(0, pages(1)), { granularity: expected }, 'granularity of a page that was set');
  });

abiQuirksGroup
  .case(
    'q07-bound-to-the-creator',
    'the context mirrors the memory of the process that made the first ioctl, whoever calls',
  )
  .source('spec/07-quirks §Q07')
  .needs('fork')
  .unimplemented('needs a child process that shares the open file and maps memory of its own');

abiQuirksGroup
  .case('q08-two-creations', 'two first ioctls at the same time make two contexts, one of which leaks')
  .source('spec/07-quirks §Q08; spec/trace-format §11')
  .needs('lazy-context', 'preemption')
  .run((t) => {
    t.setup({ compute: false });
    const memory = region(t);
    during(
      t,
      'context-made',
      () => t.set(memory.range(), { gpuReadOnly: true }),
      () => t.set(memory.range(), { gpuExecutable: true }),
    );
    const [seen] = t.get(memory.range(), ['gpuReadOnly']);
    t.shows('Q08', { quirk: seen === 0, correct: seen === 1 }, 'what the SET that came first has set');
  });
