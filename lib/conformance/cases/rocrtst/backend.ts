/** Where the runtime answers otherwise on the DRM interface than on KFD: what rocrtst and the HIP tests would meet. */
import { HsaGlobalFlag, HsaSvmAttribute as Attribute } from '../../../hsa/index.ts';
import type { HsaAgent } from '../../../hsa/index.ts';
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { accessOf, ask, eachRuntime, openRuntime, pair, prefetch, runtimeFeatures } from './runtime.ts';

export const backendGroup = new CaseGroup(
  'rocrtst,backend',
  'what the HSA runtime answers on the DRM interface (and would not on KFD)',
);

backendGroup
  .case('defaults', 'a page that nobody touched')
  .source('HSA layer, defaults; spec/xnack-off §1')
  .parameters(eachRuntime().combine('memory', ['mapped', 'hole']))
  .needsAt(runtimeFeatures)
  .run((t, point) => {
    const runtime = openRuntime(t, point);
    // KFD refuses a hole; the ioctl does so from V5 on.
    const range = point.memory === 'hole' ? t.hole(pages(1)) : t.map(pages(1)).range();
    const { globalFlag, readOnly, hiveLocal, readMostly, migrationGranularity, preferredLocation, prefetchLocation } =
      Attribute;
    const found = [
      globalFlag,
      readOnly,
      hiveLocal,
      readMostly,
      migrationGranularity,
      preferredLocation,
      prefetchLocation,
    ].map((attribute) => ask(runtime, range, attribute));
    // A GET that fails on a GPU is passed over: nothing answers for a hole.
    const unknown = point.memory === 'hole' && t.can('get-walks-vmas');
    t.equal(
      found,
      unknown
        ? [HsaGlobalFlag.coarseGrained, 0, 0, 0, 0, null, null]
        : [HsaGlobalFlag.fineGrained, 0, 0, 0, 9, null, null],
      'attributes',
    );
    if (unknown) return;
    for (const agent of [...runtime.cpuAgents, ...runtime.gpuAgents])
      t.equal(
        accessOf(runtime, range, agent),
        agent.kind === 'gpu' && t.can('xnack-off') ? 'none' : 'accessible',
        `access of ${agent.name}`,
      );
  });

backendGroup
  .case('booleans', 'what was set true reads 1 (KFD: its bit), on a part of a range 0 of the whole')
  .source('HSA layer, expectation differences')
  .parameters(eachRuntime().combine('attribute', ['readOnly', 'hiveLocal', 'readMostly']).combine('value', [0, 1, 2]))
  .needsAt(runtimeFeatures)
  .run((t, point) => {
    const runtime = openRuntime(t, point);
    const memory = t.map(pages(4));
    const attribute = Attribute[point.attribute];
    runtime.svmAttributesSet(memory.address, pages(2), [pair(attribute, point.value)]);
    const expected = point.value === 0 ? 0 : 1;
    t.equal(
      [
        ask(runtime, memory.range(0, pages(2)), attribute),
        ask(runtime, memory.range(), attribute),
        ask(runtime, memory.range(pages(2)), attribute),
      ],
      [expected, 0, 0],
      'value of the part, the whole and the rest',
    );
  });

backendGroup
  .case('mixed-coherency', 'a range of which a part is coarse grained reads as coarse grained (KFD: indeterminate)')
  .source('HSA layer, expectation differences')
  .parameters(eachRuntime().combine('coarse', ['none', 'first', 'last', 'all']))
  .needsAt(runtimeFeatures)
  .run((t, point) => {
    const runtime = openRuntime(t, point);
    const memory = t.map(pages(4));
    const [first, count] = { none: [0, 0], first: [0, 1], last: [3, 1], all: [0, 4] }[point.coarse] as [number, number];
    runtime.svmAttributesSet(memory.address, memory.size, [pair(Attribute.globalFlag, HsaGlobalFlag.fineGrained)]);
    if (count > 0)
      runtime.svmAttributesSet(memory.at(pages(first)), pages(count), [
        pair(Attribute.globalFlag, HsaGlobalFlag.coarseGrained),
      ]);
    const { fineGrained, coarseGrained } = HsaGlobalFlag;
    t.equal(
      ask(runtime, memory.range(), Attribute.globalFlag),
      count === 0 ? fineGrained : coarseGrained,
      'flag of the whole',
    );
    t.equal(
      ask(runtime, memory.range(pages(1), pages(2)), Attribute.globalFlag),
      count === 4 ? coarseGrained : fineGrained,
      'flag of the middle',
    );
  });

backendGroup
  .case('granularity', 'at most 18 through HSA, 63 through the ioctl; of a mixed range the smallest')
  .source('HSA layer, expectation differences; spec/02-attributes §9')
  .parameters(eachRuntime().combine('value', [0, 9, 17, 18, 19, 63, 64]))
  .needsAt(runtimeFeatures)
  .run((t, point) => {
    const runtime = openRuntime(t, point);
    const memory = t.map(pages(4));
    runtime.svmAttributesSet(memory.address, pages(2), [pair(Attribute.migrationGranularity, point.value)]);
    const expected = Math.min(point.value, 18);
    t.equal(
      [
        ask(runtime, memory.range(0, pages(2)), Attribute.migrationGranularity),
        ask(runtime, memory.range(), Attribute.migrationGranularity),
      ],
      [expected, Math.min(expected, 9)],
      'of the part and of the whole',
    );
    t.set(memory.range(0, pages(2)), { granularity: point.value });
    t.equal(
      ask(runtime, memory.range(0, pages(2)), Attribute.migrationGranularity),
      Math.min(point.value, 63),
      'what the ioctl set',
    );
  });

// Steps of a walk, and what is read after each: the first GPU in agent order that still claims the range.
const WALKS = {
  up: { to: ['GPU0', 'GPU1'], rocm: ['GPU0', 'GPU0'] },
  down: { to: ['GPU1', 'GPU0'], rocm: ['GPU1', 'GPU0'] },
  'over-cpu': { to: ['GPU0', 'CPU0', 'GPU1'], rocm: ['GPU0', 'CPU0', 'GPU1'] },
  'up-and-home': { to: ['GPU0', 'GPU1', 'CPU0'], rocm: ['GPU0', 'GPU0', 'CPU0'] },
  twice: { to: ['GPU0', 'GPU1', 'GPU0', 'GPU1'], rocm: ['GPU0', 'GPU0', 'GPU0', 'GPU0'] },
} as const;

backendGroup
  .case(
    'location-walk',
    'a location that goes from one GPU to the next; in "rocm" the first one still claims the range, so that GPU0 is read after a walk to GPU1',
  )
  .source('HSA layer, expectation differences: stale "this GPU"')
  .parameters(
    eachRuntime()
      .where(({ gpus }) => gpus === 2)
      .combine('kind', ['preferred', 'prefetch'])
      .combine('walk', ['up', 'down', 'over-cpu', 'up-and-home', 'twice']),
  )
  .needsAt(runtimeFeatures)
  .run(async (t, point) => {
    const runtime = openRuntime(t, point);
    const memory = t.map(pages(4));
    const { to, rocm } = WALKS[point.walk];
    const agents = new Map([...runtime.cpuAgents, ...runtime.gpuAgents].map((agent) => [agent.name, agent]));
    const found: unknown[] = [];
    for (const name of to) {
      const agent = agents.get(name)!;
      if (point.kind === 'preferred')
        runtime.svmAttributesSet(memory.address, memory.size, [pair(Attribute.preferredLocation, agent)]);
      else await prefetch(runtime, memory.range(), agent);
      found.push(
        ask(
          runtime,
          memory.range(),
          point.kind === 'preferred' ? Attribute.preferredLocation : Attribute.prefetchLocation,
        ),
      );
    }
    t.equal(found, [...(point.compatibility === 'rocm' ? rocm : to)], 'the locations read');
  });

backendGroup
  .case('mixed-location', 'where the pages of a range have different locations there is none')
  .source('HSA layer, differing sub-ranges')
  .parameters(eachRuntime().combine('kind', ['preferred', 'prefetch']).combine('part', ['first', 'middle', 'last']))
  .needsAt(runtimeFeatures)
  .run(async (t, point) => {
    const runtime = openRuntime(t, point);
    const memory = t.map(pages(4));
    const part = memory.range(pages({ first: 0, middle: 1, last: 3 }[point.part]), pages(1));
    const [gpu] = runtime.gpuAgents;
    const attribute = point.kind === 'preferred' ? Attribute.preferredLocation : Attribute.prefetchLocation;
    if (point.kind === 'preferred') runtime.svmAttributesSet(part.address, part.size, [pair(attribute, gpu!)]);
    else await prefetch(runtime, part, gpu!);
    t.equal(
      [ask(runtime, part, attribute), ask(runtime, memory.range(), attribute)],
      [gpu!.name, null],
      'location of the part and of the whole',
    );
    const byDefault = t.can('xnack-off') ? 'none' : 'accessible';
    t.equal(accessOf(runtime, memory.range(), gpu!), byDefault, 'access of the whole');
    runtime.svmAttributesSet(part.address, part.size, [pair(Attribute.agentAccessibleInPlace, gpu!)]);
    t.equal(
      [accessOf(runtime, part, gpu!), accessOf(runtime, memory.range(), gpu!)],
      ['in-place', 'none'],
      'access of the part and of the whole',
    );
  });

backendGroup
  .case(
    'mixed-home',
    'a range that is home but for a part has no location; of two GPUs, of which one was only told of home, "rocm" reads CPU0',
  )
  .source('HSA layer, differing sub-ranges')
  .parameters(eachRuntime().combine('kind', ['preferred', 'prefetch']))
  .needsAt(runtimeFeatures)
  .run(async (t, point) => {
    const runtime = openRuntime(t, point);
    const memory = t.map(pages(4));
    const attribute = point.kind === 'preferred' ? Attribute.preferredLocation : Attribute.prefetchLocation;
    const send = async (range: { address: bigint; size: number }, agent: HsaAgent): Promise<void> => {
      if (point.kind === 'preferred') runtime.svmAttributesSet(range.address, range.size, [pair(attribute, agent)]);
      else await prefetch(runtime, range, agent);
    };
    await send(memory.range(), runtime.cpuAgents[0]!);
    t.equal(ask(runtime, memory.range(), attribute), 'CPU0', 'location of the whole');
    await send(memory.range(pages(2), pages(1)), runtime.gpuAgents.at(-1)!);
    t.equal(
      ask(runtime, memory.range(), attribute),
      point.gpus === 2 && point.compatibility === 'rocm' ? 'CPU0' : null,
      'location of the whole, a part of which is elsewhere',
    );
  });

const REFUSALS = [
  'twice',
  'two-accesses',
  'null-agent',
  'foreign-agent',
  'indeterminate',
  'prefetch',
  'query',
  'unknown',
] as const;

backendGroup
  .case('set-refused', 'a list with a bad pair is refused before anything is set')
  .source('HSA layer, order of checks')
  .parameters(parameters().combine('pairs', REFUSALS))
  .run(async (t, { pairs }) => {
    const runtime = openRuntime(t, { compatibility: 'rocm', gpus: 1 });
    const memory = t.map(pages(1));
    const [gpu] = runtime.gpuAgents;
    const good = pair(Attribute.readMostly, 1);
    const [list, status] = {
      twice: [[good, good], 'HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS'],
      'two-accesses': [
        [good, pair(Attribute.agentAccessible, gpu!), pair(Attribute.agentNoAccess, gpu!)],
        'HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS',
      ],
      'null-agent': [[good, pair(Attribute.agentAccessible, null)], 'HSA_STATUS_ERROR_INVALID_AGENT'],
      'foreign-agent': [[good, pair(Attribute.preferredLocation, 0xdead_beefn)], 'HSA_STATUS_ERROR_INVALID_AGENT'],
      indeterminate: [
        [good, pair(Attribute.globalFlag, HsaGlobalFlag.indeterminate)],
        'HSA_STATUS_ERROR_INVALID_ARGUMENT',
      ],
      prefetch: [[good, pair(Attribute.prefetchLocation, gpu!)], 'HSA_STATUS_ERROR_INVALID_ARGUMENT'],
      query: [[good, pair(Attribute.accessQuery, gpu!)], 'HSA_STATUS_ERROR_INVALID_ARGUMENT'],
      unknown: [[good, pair(99, 0)], 'HSA_STATUS_ERROR_INVALID_ARGUMENT'],
    }[pairs] as [Parameters<typeof runtime.svmAttributesSet>[2], string];
    await t.throws(() => runtime.svmAttributesSet(memory.address, memory.size, list), status, 'the set');
    t.equal(ask(runtime, memory.range(), Attribute.readMostly), 0, 'READ_MOSTLY afterwards');
    runtime.svmAttributesSet(memory.address, memory.size, [good]);
    t.equal(ask(runtime, memory.range(), Attribute.readMostly), 1, 'READ_MOSTLY once the good pair is used alone');
  });

backendGroup
  .case('set-unmapped', 'memory that is not mapped is refused by the first device, with its errno')
  .source('HSA layer, fan-out over GPUs')
  .parameters(eachRuntime())
  .needsAt(runtimeFeatures)
  .run(async (t, point) => {
    const runtime = openRuntime(t, point);
    const hole = t.hole(pages(1));
    const error = await t.throws(
      () => runtime.svmAttributesSet(hole.address, hole.size, [pair(Attribute.readMostly, 1)]),
      'HSA_STATUS_ERROR',
      'the set',
    );
    t.equal('errno' in error ? error.errno : undefined, -14, 'errno of the device');
    t.equal('agent' in error ? error.agent : undefined, 'GPU0', 'the agent that refused');
    t.equal(ask(runtime, hole, Attribute.readMostly), 0, 'READ_MOSTLY afterwards');
  });
