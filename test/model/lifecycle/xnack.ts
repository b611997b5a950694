/** On which GPUs a context can live, and the default granularity it starts with. */
import type { CaseContext } from '../../../lib/conformance/framework/context.ts';
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EOPNOTSUPP } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { answerWithoutContext, intervals, NEEDS_FAULTS, region } from '../support/scene.ts';
import { CHUNK_2M, PAGE } from '../../../lib/conformance/support/units.ts';
import { SvmAttributeType } from '../../../lib/uapi/constants.ts';

export const xnackGroup = new CaseGroup(
  'lifecycle,xnack',
  'XNACK detection and default granularity (spec/06-lifecycle §3, §4)',
);

const FOUR = ['9.4.2', '9.4.3', '9.4.4', '9.5.0'];

const VERSIONS = [
  '8.0.0',
  '9.0.0',
  '9.0.1',
  '9.0.2',
  '9.1.0',
  '9.2.1',
  '9.2.2',
  '9.3.0',
  '9.4.0',
  '9.4.1',
  ...FOUR,
  '9.4.5',
  '9.5.1',
  '9.9.9',
  '10.0.0',
  '10.1.0',
  '10.1.1',
  '10.1.2',
  '10.1.10',
  '10.3.0',
  '11.0.0',
  '11.0.4',
  '11.5.0',
  '11.5.3',
  '12.0.0',
  '12.0.1',
  '13.0.0',
];

function number(version: string): number {
  const [major, minor, revision] = version.split('.').map(Number) as [number, number, number];
  return (major * 1000 + minor) * 1000 + revision;
}

/** spec/06-lifecycle §3. */
function expected(t: CaseContext, gc: string, noretry: boolean, sriovXnack: boolean): boolean {
  // PATCH v8 asks the parameter first, for every GPU (spec/revisions §4).
  if (noretry && t.can('noretry-for-all')) return false;
  if (number(gc) < number('9.0.1')) return false;
  if (!sriovXnack) return false;
  if (FOUR.includes(gc)) return true;
  return number(gc) < number('10.1.1') && !noretry;
}

xnackGroup
  .case('version', 'the GC version and the no-retry setting decide whether there is SVM at all')
  .source('spec/06-lifecycle §3')
  .parameters(
    parameters()
      .combine('gc', VERSIONS)
      .combine('noretry', [false, true])
      .combine('apu', [false, true])
      .where(({ gc, apu }) => !apu || FOUR.includes(gc) || gc === '9.3.0'),
  )
  .needs('configuration')
  .needs('refuses-xnack-off')
  .run((t, { gc, noretry, apu }) => {
    t.setup({ machine: { gc, noretry, apu } });
    const memory = t.map(PAGE);
    t.equal(t.trySet(memory, { access: 'in-place' }), expected(t, gc, noretry, true) ? 0 : -EOPNOTSUPP, 'SET');
    t.equal(
      t.ioctl({ operation: 1, ...memory.range(), attributes: { access: 7 } }),
      expected(t, gc, noretry, true) ? { result: 0, values: [1] } : { result: -EOPNOTSUPP, values: [7] },
      'GET',
    );
  });

xnackGroup
  .case('virtual-function', 'where the host says that XNACK is unsupported there is none')
  .source('spec/06-lifecycle §3 step 2')
  .parameters(parameters().combine('gc', ['9.4.2', '9.4.3', '9.3.0', '9.0.0']).combine('sriovXnack', [false, true]))
  .needs('configuration')
  .needs('refuses-xnack-off')
  .run((t, { gc, sriovXnack }) => {
    t.setup({ machine: { gc, sriovXnack } });
    const memory = t.map(PAGE);
    t.equal(t.trySet(memory, { access: 'in-place' }), expected(t, gc, false, sriovXnack) ? 0 : -EOPNOTSUPP, 'SET');
  });

xnackGroup
  .case('model', 'with their default settings these GPUs have SVM, and these have not')
  .source('spec/06-lifecycle §3')
  .parameters(
    parameters().combine('asic', [
      'gfx900',
      'gfx906',
      'gfx906-xnack',
      'gfx908',
      'gfx908-xnack',
      'gfx90c',
      'gfx90a',
      'gfx942',
      'gfx942-apu',
      'gfx950',
      'gfx1030',
      'gfx1100',
      'gfx1101',
      'gfx1150',
      'gfx1151',
      'gfx1200',
      'gfx1201',
    ]),
  )
  .needs('configuration')
  .needs('refuses-xnack-off')
  .run((t, { asic }) => {
    t.setup({ machine: { asic } });
    const memory = t.map(PAGE);
    const on = ['gfx906-xnack', 'gfx908-xnack', 'gfx90c', 'gfx90a', 'gfx942', 'gfx942-apu', 'gfx950'];
    // A machine with PATCH v8 is one that was booted with amdgpu.noretry=0.
    if (t.can('noretry-for-all')) on.push('gfx900', 'gfx906', 'gfx908');
    t.equal(t.trySet(memory, { access: 'in-place' }), on.includes(asic) ? 0 : -EOPNOTSUPP, 'SET');
  });

xnackGroup
  .case('off', 'without XNACK every call is refused before it is looked at, each time, and faults are refused')
  .source('spec/06-lifecycle §2 step 8; quirk Q01')
  .parameters(parameters().combine('asic', ['gfx906', 'gfx1030', 'gfx1201']).combine('compute', [false, true]))
  .needs(...NEEDS_FAULTS, 'configuration', 'lazy-context')
  .needs('refuses-xnack-off')
  .run((t, { asic, compute }) => {
    t.setup({ machine: { asic, noretry: true }, compute });
    const memory = t.map(CHUNK_2M);
    const calls = [
      { operation: 0, ...memory.range(), attributes: [[SvmAttributeType.access, 1]] as const },
      { operation: 7, ...memory.range() },
      { operation: 0, address: 1n, size: 1 },
      { operation: 1, ...memory.range(), attributeCount: 65 },
      { operation: 1, address: 0n, size: 0n },
    ];
    t.equal(
      calls.map((call) => t.ioctl(call).result),
      calls.map(() => -EOPNOTSUPP),
      'results',
    );
    t.equal(t.fault(memory.address), answerWithoutContext(t), 'fault');
    t.equal([t.state().attributes, t.ptes(memory)], [[], '-*512'], 'intervals and PTEs');
  });

xnackGroup
  .case(
    'default-granularity',
    'the default granularity is the parameter modulo 256, at most 27: for GET, for records and for what faults make',
  )
  .source('spec/06-lifecycle §4; quirk Q06')
  .parameters(
    parameters().combine(
      'parameter',
      [0, 1, 8, 9, 10, 26, 27, 28, 100, 255, 256, 257, 265, 283, 284, 300, 511, 512, 65_536, 65_545, 4_294_967_295],
    ),
  )
  .needs(...NEEDS_FAULTS, 'configuration')
  .run((t, { parameter }) => {
    t.setup({ machine: { defaultGranularity: parameter } });
    const granularity = Math.min(parameter % 256, 27);
    const memory = region(t, 2 * CHUNK_2M);
    t.has(memory, { granularity }, 'GRANULARITY of memory without attributes');
    t.set(memory.range(CHUNK_2M, PAGE), { access: 'in-place' });
    t.has(memory.range(CHUNK_2M, PAGE), { granularity }, 'GRANULARITY of a new record');
    t.equal(t.fault(memory.at(5 * PAGE)), 0, 'fault');
    const granule = 2 ** granularity;
    const first = 5 - (5 % granule);
    // The VMA and the interval set before bound it.
    t.equal(intervals(t, memory)[0]!.slice(0, 2), [first, Math.min(first + granule, 512) - 1], 'interval of the fault');
  });
