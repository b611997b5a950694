/** Which changes reach the GPU. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import type { CaseContext } from '../../../lib/conformance/framework/context.ts';
import type { Mapping } from '../../../lib/conformance/framework/mapping.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  ATTRIBUTES,
  change,
  CHANGEABLE,
  defaultOf,
  otherOf,
  QUIET,
  thirdOf,
  typeOf,
} from '../../../lib/conformance/support/attributes.ts';
import type { SvmAttributeName } from '../../../lib/uapi/constants.ts';
import type { AttributePair } from '../../../lib/uapi/call.ts';

export const triggersGroup = new CaseGroup(
  'attributes,triggers',
  'Change triggers and their effects with XNACK on (spec/02-attributes §5)',
);

const BLOCK = pages(512);
const SPLIT = 0x40;
const ATTRIBUTE_ONLY = 0x20;
const PREFETCH = 0x80;

/** The trigger bit of a change of each attribute. */
const BITS: Readonly<Record<SvmAttributeName, number>> = {
  preferredLocation: 0x08,
  prefetchLocation: 0,
  access: 0x01,
  granularity: 0x10,
  hostAccess: 0x04,
  coherent: 0x02,
  extCoherent: 0x02,
  hiveLocal: 0x04,
  gpuReadOnly: 0x02,
  gpuExecutable: 0x02,
  gpuReadMostly: 0x04,
  gpuAlwaysMapped: 0x04,
};

/** Triggers of the changes that the action makes. */
function triggersOf(t: CaseContext, action: () => void): number[] {
  const triggers: number[] = [];
  const stop = t.machine.on('attributes-changed', ({ trigger }) => triggers.push(trigger));
  action();
  stop();
  return triggers;
}

triggersGroup
  .case('bits', 'each attribute has its trigger bit; a part adds RANGE_SPLIT; what has no bit of its own is ATTR_ONLY')
  .source('spec/02-attributes §5.1')
  .parameters(parameters().combine('attribute', CHANGEABLE).combine('onto', ['hole', 'interval', 'part']))
  .needs('events')
  .run((t, { attribute, onto }) => {
    const memory = t.map(pages(8));
    if (onto !== 'hole') t.set(memory.range(), { access: 'allow-migrate' });
    const range = onto === 'part' ? memory.range(pages(2), pages(2)) : memory.range();
    // From V5 on a part is no change of its own, and a prefetch location is a location.
    const own = t.can('get-walks-vmas') ? BITS.preferredLocation : ATTRIBUTE_ONLY;
    const bits = BITS[attribute] === 0 ? own : BITS[attribute];
    t.equal(
      triggersOf(t, () => t.set(range, [change(attribute)])),
      [onto === 'part' && !t.can('get-walks-vmas') ? bits | SPLIT : bits],
      'triggers',
    );
    t.has(range, { [attribute]: otherOf(attribute) }, attribute);
  });

triggersGroup
  .case('bits-together', 'the triggers of several changes in one call are one trigger')
  .source('spec/02-attributes §5.1, §8')
  .parameters(
    parameters()
      .combine('one', QUIET)
      .expand('other', ({ one }) => QUIET.slice(QUIET.indexOf(one) + 1)),
  )
  .needs('events')
  .run((t, { one, other }) => {
    const memory = t.map(pages(8));
    t.set(memory.range(), { access: 'allow-migrate' });
    t.equal(
      triggersOf(t, () => t.set(memory.range(), [change(one), change(other)])),
      [BITS[one] | BITS[other]],
      'triggers',
    );
  });

triggersGroup
  .case(
    'default-on-a-hole',
    'a hole that becomes an interval with the default record is ATTR_ONLY (V4), or no trigger of its own',
  )
  .source('spec/02-attributes §5.1, §12 row 1; spec/revisions §4')
  .parameters(
    parameters().combine(
      'attribute',
      ATTRIBUTES.filter((name) => name !== 'prefetchLocation'),
    ),
  )
  .needs('events')
  .needsAt(({ attribute }) => (attribute === 'gpuAlwaysMapped' ? ['always-mapped-type'] : []))
  .run((t, { attribute }) => {
    const memory = t.map(pages(8));
    const record: AttributePair = [typeOf(attribute), defaultOf(t, attribute)];
    t.equal(
      triggersOf(t, () => t.set(memory.range(), [record])),
      [t.perRevision({ v4: ATTRIBUTE_ONLY, v7: 0, 'v7-xnack-off': 0, v8: 0 })],
      'triggers of the first SET',
    );
    t.equal(
      triggersOf(t, () => t.set(memory.range(), [record])),
      [],
      'triggers of the same SET again',
    );
  });

/** A mapped block that is one attribute interval. */
function mappedBlock(t: CaseContext, records: readonly AttributePair[] = [[2, 2]]): Mapping {
  const memory = t.map(BLOCK);
  t.set(memory.range(), records);
  memory.write(0, new Uint8Array(BLOCK).fill(1));
  t.access(memory.address, BLOCK, { write: true });
  t.equal(t.ptes(memory.range()), 'rw*512', 'PTEs before');
  return memory;
}

triggersGroup
  .case(
    'whole',
    'a change of exactly one interval reaches no PTE (V4), or clears those of the interval, unless it is GRANULARITY alone',
  )
  .source('spec/02-attributes §5.2; spec/revisions §4')
  .parameters(parameters().combine('attribute', CHANGEABLE))
  .needs('introspection', 'fault-handler', 'events')
  .run((t, { attribute }) => {
    const memory = mappedBlock(t);
    const counts = t.countEvents(() => t.set(memory.range(), [change(attribute)]));
    t.equal(counts.get('attributes-changed'), 1, 'changes');
    const zaps = t.can('changes-invalidate') && attribute !== 'granularity' ? 1 : 0;
    for (const name of ['ptes-zapped', 'tlb-flushed'] as const) t.equal(counts.get(name) ?? 0, zaps, `events ${name}`);
    for (const name of ['ptes-written', 'range-removed', 'dma-unmapped', 'prefetch'] as const)
      t.equal(counts.get(name) ?? 0, 0, `events ${name}`);
    t.equal(t.ptes(memory.range(), { states: false }), zaps === 1 ? '-*512' : 'rw*512', 'PTEs');
    t.equal(
      t.state().ranges.map(({ mapped, dmaMapped }) => [mapped, dmaMapped]),
      [[zaps === 0, true]],
      'whether the range counts as mapped, and its pages as DMA-mapped',
    );
  });

triggersGroup
  .case(
    'part',
    'a change of a part invalidates every range that it touches, whatever changes; from V5 on GRANULARITY alone does not',
  )
  .source('spec/02-attributes §5.2; spec/03-gpu-ranges §B.10; spec/revisions §4')
  .parameters(parameters().combine('attribute', CHANGEABLE).combine('part', ['head', 'tail', 'page']))
  .needs('introspection', 'fault-handler', 'events')
  .run((t, { attribute, part }) => {
    const memory = mappedBlock(t);
    const [first, count] = { head: [0, 256], tail: [256, 256], page: [100, 1] }[part] as [number, number];
    const counts = t.countEvents(() => t.set(memory.range(pages(first), pages(count)), [change(attribute)]));
    const kept = t.can('changes-invalidate') && attribute === 'granularity';
    t.equal(counts.get('tlb-flushed') ?? 0, kept ? 0 : 1, 'TLB flushes');
    t.equal(t.ptes(memory.range()), kept ? 'rw*512' : '-*512', 'PTEs');
    t.equal(t.ranges(memory.range()), kept ? [[0, BLOCK]] : [], 'ranges');
  });

triggersGroup
  .case('part-without-change', 'a part that would not change invalidates nothing')
  .source('spec/02-attributes §4.6 step 2; spec/revisions §4')
  .parameters(
    parameters().combine(
      'attribute',
      CHANGEABLE.filter((name) => name !== 'gpuReadOnly' && name !== 'gpuExecutable'),
    ),
  )
  .needs('introspection', 'fault-handler')
  .run((t, { attribute }) => {
    const memory = mappedBlock(t, [change(attribute)]);
    t.set(memory.range(0, BLOCK / 2), [change(attribute)]);
    t.equal(t.ptes(memory.range()), 'rw*512', 'PTEs after the SET of the same value');
    const granular = attribute === 'prefetchLocation' || attribute === 'granularity';
    t.set(memory.range(0, BLOCK / 2), [
      attribute === 'prefetchLocation' ? [3, 4] : [typeOf(attribute), thirdOf(attribute)],
    ]);
    const kept = t.can('changes-invalidate') && granular;
    t.equal(t.ptes(memory.range()), kept ? 'rw*512' : '-*512', 'PTEs after the SET of another value');
  });

triggersGroup
  .case('sticky-prefetch', 'with a GPU prefetch location every change of the interval maps it again')
  .source('spec/02-attributes §5.1')
  .parameters(parameters().combine('attribute', QUIET))
  .needs('introspection', 'events')
  .needs('retry-faults')
  .run((t, { attribute }) => {
    const memory = t.map(BLOCK);
    t.set(memory.range(), { prefetchLocation: 'device' });
    memory.discard();
    t.equal(t.ptes(memory.range()), '-*512', 'PTEs before');
    t.equal(
      triggersOf(t, () => t.set(memory.range(), [change(attribute)])),
      [PREFETCH | BITS[attribute]],
      'triggers',
    );
    const letters = { gpuReadOnly: 'r*512', gpuExecutable: 'rwx*512' }[attribute as string] ?? 'rw*512';
    t.equal(t.ptes(memory.range()), letters, 'PTEs');
  });

triggersGroup
  .case('any-gpu-location', 'every prefetch location but SYSMEM maps')
  .source('spec/02-attributes §1, §5.1')
  .parameters(
    parameters()
      .combine('location', [0, 1, 2, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe])
      .combine('pages', [1, 16, 512]),
  )
  .needs('introspection')
  .run((t, { location, pages: count }) => {
    const memory = t.map(pages(count));
    t.set(memory.range(), { prefetchLocation: location });
    t.has(memory.range(), { prefetchLocation: location }, 'prefetch location');
    t.equal(t.ptes(memory.range()), `${location === 0 ? '-' : 'rw'}*${count}`, 'PTEs');
  });

triggersGroup
  .case('preferred-location-maps-nothing', 'a preferred location is only stored')
  .source('spec/02-attributes §5.2')
  .parameters(parameters().combine('location', [0, 1, 0xffff_fffe]).combine('onto', ['hole', 'interval']))
  .needs('introspection')
  .run((t, { location, onto }) => {
    const memory = t.map(pages(16));
    if (onto === 'interval') t.set(memory.range(), { granularity: 5 });
    t.set(memory.range(), { preferredLocation: location });
    t.has(memory.range(), { preferredLocation: location }, 'preferred location');
    t.equal(
      [t.ptes(memory.range()), t.state().ranges.length, t.state().notifiers.length],
      ['-*16', 0, 0],
      'PTEs, ranges, notifiers',
    );
    t.set(memory.range(), { prefetchLocation: 'device' });
    t.equal(t.ptes(memory.range()), 'rw*16', 'PTEs after a prefetch');
  });

triggersGroup
  .case('new-location', 'another GPU prefetch location is a change: what was lost is mapped again')
  .source('spec/02-attributes §5.1')
  .parameters(parameters().combine('by', ['discard', 'protect']))
  .needs('introspection')
  .needs('retry-faults')
  .run((t, { by }) => {
    const memory = t.map(BLOCK);
    t.set(memory.range(), { prefetchLocation: 'device' });
    if (by === 'discard') memory.discard();
    else memory.protect('r');
    t.equal(t.ptes(memory.range()), '-*512', 'PTEs before');
    t.set(memory.range(), { prefetchLocation: 2 });
    t.equal(t.ptes(memory.range()), by === 'discard' ? 'rw*512' : 'r*512', 'PTEs');
  });

triggersGroup
  .case('worked-traces', 'the history of spec/02-attributes §12, row by row')
  .source('spec/02-attributes §12; spec/revisions §4; spec/xnack-off §2')
  .needs('introspection', 'events', 'address-choice')
  .run((t) => {
    const memory = t.map(pages(0x400), { address: 0x4000_0000n });
    const set = (first: number, last: number, record: AttributePair): number[] =>
      triggersOf(t, () => t.set(memory.range(pages(first), pages(last - first + 1)), [record]));
    const intervals = (): number[][] =>
      t
        .state()
        .attributes.map(({ firstPage, lastPage, flags, prefetchLocation, granularity }) => [
          firstPage - 0x40000,
          lastPage - 0x40000,
          flags,
          prefetchLocation | 0,
          granularity,
        ]);
    // From V5 on there is neither ATTR_ONLY nor RANGE_SPLIT, and the prefetch location is a location.
    const rows = t.perRevision({
      v4: { first: 0x20, split: 0x40, location: 0, system: 0x60 },
      v7: { first: 0, split: 0, location: 8, system: 8 },
      // Access was INACCESSIBLE before.
      'v7-xnack-off': { first: 1, split: 0, location: 8, system: 8 },
      v8: { first: 0, split: 0, location: 8, system: 8 },
    });
    const mapsAtOnce = t.can('xnack-off');
    t.equal(set(0x100, 0x1ff, [2, 2]), [rows.first], 'row 1');
    t.equal(set(0x100, 0x1ff, [8, 1]), [0x02], 'row 2');
    t.equal(set(0x140, 0x17f, [8, 1]), [], 'row 3');
    t.equal(intervals(), [[0x100, 0x1ff, 0x13, -1, 9]], 'intervals after row 3');
    t.equal(set(0x140, 0x17f, [8, 0]), [0x02 | rows.split], 'row 4');
    t.equal(
      intervals(),
      [
        [0x100, 0x13f, 0x13, -1, 9],
        [0x140, 0x17f, 0x03, -1, 9],
        [0x180, 0x1ff, 0x13, -1, 9],
      ],
      'intervals after row 4',
    );
    t.equal(set(0x180, 0x23f, [1, 1]), [0x80 | rows.location, 0x80 | rows.location], 'row 5');
    t.equal(
      t.ptes(memory.range(pages(0x100), pages(0x140))),
      mapsAtOnce ? 'r*64 rw*64 r*128 rw*64' : '-*128 r*128 rw*64',
      'PTEs after row 5',
    );
    t.equal(set(0x180, 0x1ff, [3, 5]), [0x90], 'row 6');
    t.equal(set(0x200, 0x21f, [1, 0]), [rows.system], 'row 7');
    t.equal(
      intervals().slice(2),
      [
        [0x180, 0x1ff, 0x13, 1, 5],
        [0x200, 0x21f, 0x03, 0, 9],
        [0x220, 0x23f, 0x03, 1, 9],
      ],
      'intervals after row 7',
    );
    t.equal(
      t.ptes(memory.range(pages(0x180), pages(0xc0))),
      mapsAtOnce ? 'r*128 rw*64' : 'r*128 -*32 rw*32',
      'PTEs after row 7',
    );
    t.has(
      memory.range(pages(0x0f0), pages(0x110)),
      {
        preferredLocation: 'undefined',
        prefetchLocation: 'undefined',
        access: mapsAtOnce ? 'inaccessible' : 'allow-migrate',
        granularity: 5,
        hostAccess: true,
        coherent: true,
        gpuReadOnly: false,
      },
      'row 8',
    );
  });
