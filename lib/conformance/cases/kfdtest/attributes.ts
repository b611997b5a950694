/** KFDSVMRangeTest: what is only set and asked. */
import { CaseGroup } from '../../framework/case.ts';
import { EFAULT } from '../../support/errno.ts';
import { pages } from '../../framework/mapping.ts';
import {
  ACCESS,
  ALLOW_MIGRATE,
  COHERENT,
  eachNode,
  GPU,
  GPU_EXEC,
  GRANULARITY,
  HOST,
  INACCESSIBLE,
  nodeFeatures,
  openNode,
  PREFERRED,
  PREFETCH,
  register,
  SYSTEM,
  tryRegister,
  UNDEFINED,
} from './node.ts';
import { hasWithoutMemory } from '../../support/without-memory.ts';
import { waitForCollector } from '../../support/memory.ts';

export const attributesGroup = new CaseGroup(
  'kfdtest,KFDSVMRangeTest,attributes',
  'kfdtest: ranges that are only registered and asked',
);

const ASKED = [PREFETCH, PREFERRED, HOST, COHERENT, GPU_EXEC, ACCESS];
const OTHER_FLAGS = [6, 7, 8, 10, 11];

attributesGroup
  .case('SetGetAttributesTest', 'a fresh page has the defaults; then it has what one call set')
  .source('kfdtest KFDSVMRangeTest.SetGetAttributesTest')
  .parameters(eachNode())
  .needsAt(nodeFeatures)
  .run((t, point) => {
    const device = openNode(t, point);
    const page = t.map(pages(1));
    const access = point.xnack === 'on' ? ALLOW_MIGRATE : INACCESSIBLE;
    t.equal(t.get(page.range(), ASKED, device), [UNDEFINED, UNDEFINED, 1, 1, 0, access], 'the defaults');
    const others = OTHER_FLAGS.filter((type) => type < t.attributes.length);
    const unset = others.map(() => 0);
    t.equal(t.get(page.range(), others, device), unset, 'the other flags by default');
    const given = [
      [PREFETCH, GPU],
      [PREFERRED, GPU],
      [HOST, 1],
      [GPU_EXEC, 1],
      [COHERENT, 1],
      [GRANULARITY, 0x3f],
      [ACCESS, ALLOW_MIGRATE],
    ] as const;
    t.set(page.range(), given, device);
    t.equal(
      t.get(
        page.range(),
        given.map(([type]) => type),
        device,
      ),
      given.map(([, value]) => value),
      'what was set',
    );
    t.equal(t.get(page.range(), others, device), unset, 'the other flags afterwards');
  });

attributesGroup
  .case('XNACKModeTest', 'XNACK can be switched, and not while a queue exists')
  .source('kfdtest KFDSVMRangeTest.XNACKModeTest')
  .needs('xnack-control')
  .unimplemented('a DRM file has neither the call nor user queues of its own');

attributesGroup
  .case('InvalidRangeTest', 'a range that is not mapped is not registered')
  .source('kfdtest KFDSVMRangeTest.InvalidRangeTest')
  .parameters(eachNode())
  .needsAt(nodeFeatures)
  .run((t, point) => {
    const device = openNode(t, point);
    const range = { address: 0x10000n, size: 0x1000 };
    t.equal(tryRegister(t, range, device), -EFAULT, 'result of the registration');
    const none = { prefetchLocation: 'undefined', preferredLocation: 'undefined' } as const;
    hasWithoutMemory(t, range, none, 'the locations afterwards', EFAULT, device);
  });

attributesGroup
  .case(
    'InvalidRangeTest-freed',
    'a range that was mapped once is not registered either, nor one that reaches beyond its mapping; nothing of it is changed',
  )
  .source('kfdtest KFDSVMRangeTest.InvalidRangeTest, extended')
  .parameters(
    eachNode()
      .combine('range', ['freed', 'tail-unmapped', 'head-unmapped', 'middle-unmapped'])
      .combine('location', ['system', 'gpu']),
  )
  .needsAt(nodeFeatures)
  .run((t, point) => {
    const device = openNode(t, point);
    const memory = t.map(pages(4));
    const [first, count] = {
      freed: [0, 4],
      'tail-unmapped': [3, 1],
      'head-unmapped': [0, 1],
      'middle-unmapped': [1, 2],
    }[point.range] as [number, number];
    memory.unmap(pages(first), pages(count));
    const location = point.location === 'gpu' ? GPU : SYSTEM;
    t.equal(tryRegister(t, memory.range(), device, { location }), -EFAULT, 'result of the registration');
    for (let page = 0; page < 4; page++) {
      const range = memory.range(pages(page), pages(1));
      const none = { prefetchLocation: 'undefined', preferredLocation: 'undefined' } as const;
      const what = `the locations of page ${page} afterwards`;
      if (page >= first && page < first + count) hasWithoutMemory(t, range, none, what, EFAULT, device);
      else t.has(range, none, what, device);
    }
  });

attributesGroup
  .case('PrefetchTest', 'a prefetch of the second half is the location of that half, and the whole has none')
  .source('kfdtest KFDSVMRangeTest.PrefetchTest, part (b)')
  .parameters(eachNode())
  .needsAt(nodeFeatures)
  .run((t, point) => {
    const device = openNode(t, point);
    const memory = t.map(16384);
    register(t, memory.range(), device);
    t.has(memory.range(), { prefetchLocation: 'system' }, 'prefetch location once registered', device);
    t.set(memory.range(8192), { prefetchLocation: 'device' }, device);
    t.has(memory.range(8192), { prefetchLocation: 'device' }, 'prefetch location of the second half', device);
    t.has(memory.range(0, 8192), { prefetchLocation: 'system' }, 'prefetch location of the first half', device);
    t.has(memory.range(), { prefetchLocation: 'undefined' }, 'prefetch location of the whole', device);
  });

attributesGroup
  .case('PrefetchTest-destroyed', 'a range that was unmapped does not read as prefetched to the GPU')
  .source('kfdtest KFDSVMRangeTest.PrefetchTest, part (a): vacuous in the original, here its intent')
  .parameters(eachNode().combine('location', ['system', 'gpu']))
  .needsAt(nodeFeatures)
  .run((t, point) => {
    const device = openNode(t, point);
    const memory = t.map(16384);
    const location = point.location === 'gpu' ? GPU : SYSTEM;
    register(t, memory.range(), device, { location });
    t.has(memory.range(), { prefetchLocation: location }, 'prefetch location while it is mapped', device);
    memory.unmap();
    waitForCollector(t, memory, device);
    if (t.can('attributes-survive-unmap')) {
      // They are kept for what is mapped there next; nobody is told while nothing is.
      hasWithoutMemory(t, memory.range(), { prefetchLocation: location }, 'the destroyed range', EFAULT, device);
      return;
    }
    const [found] = t.get(memory.range(), ['prefetchLocation'], device);
    if (location === GPU) {
      t.equal(found, UNDEFINED, 'prefetch location of the destroyed range');
      return;
    }
    // Never on the GPU: no range tells the collector.
    t.shows(
      'Q26',
      { quirk: found === SYSTEM, correct: found === UNDEFINED },
      'prefetch location of the destroyed range',
    );
  });

attributesGroup
  .case('HMMProfilingEvent', 'a prefetch is announced as a migration in the event stream')
  .source('kfdtest KFDSVMRangeTest.HMMProfilingEvent')
  .needs('smi-events')
  .unimplemented('the event stream is a call of the KFD driver; the DRM interface has none');

attributesGroup
  .case('SVMApiPartialPageNotRevoked', 'taking back a part of a page does not take the access to the page')
  .source('kfdtest KFDSVMRangeTest.SVMApiPartialPageNotRevoked')
  .needs('registration-layer')
  .unimplemented('a property of hsaKmtRegisterMemory and its counterpart, which are not calls of the driver');

attributesGroup
  .case('SVMApiRegisterReGrant', 'a page that was taken back and registered again is accessible')
  .source('kfdtest KFDSVMRangeTest.SVMApiRegisterReGrant')
  .needs('registration-layer')
  .unimplemented('a property of hsaKmtRegisterMemory and its counterpart, which are not calls of the driver');
