/** IGT pat-index: attributes are set on overlapping pieces, then queried and compared run by run. */
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { PAGES, VALUES, LAYOUTS, LAYOUT_NAMES, NO_LOCATION } from '../../support/segment-layouts.ts';
import type { Layout } from '../../support/segment-layouts.ts';

export const segmentsGroup = new CaseGroup(
  'igt,segments',
  'Attributes of overlapping pieces, queried run by run (the idea of xe pat-index-*)',
);

type Attribute = keyof typeof VALUES;

const ATTRIBUTES = Object.keys(VALUES) as Attribute[];

/** SETs that V4 accepts: a prefetch location can't become undefined again (Q18). */
function allowed(attribute: Attribute, layout: Layout): boolean {
  return attribute !== 'prefetchLocation' || LAYOUTS[layout].every(([, , value]) => value === 0);
}

function defaultOf(t: CaseContext, attribute: Attribute): number {
  return t.get(t.map(pages(1)), [attribute])[0]!;
}

/** Values that follow each other, as [value, pages]. */
function runsOf(values: readonly number[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const value of values) {
    const last = runs[runs.length - 1];
    if (last?.[0] === value) last[1]++;
    else runs.push([value, 1]);
  }
  return runs;
}

/** Asks page by page, as a program without `attributeSegments` does; the runs of each attribute. */
function queryRuns(
  t: CaseContext,
  memory: { at(offset: number): bigint },
  attributes: readonly Attribute[],
): [number, number][][] {
  const types = attributes;
  const values = Array.from({ length: PAGES }, (_, page) =>
    t.get({ address: memory.at(pages(page)), size: pages(1) }, types),
  );
  return attributes.map((_, index) => runsOf(values.map((each) => each[index]!)));
}

segmentsGroup
  .case('runs', 'each page shows what was set on it last, and no piece reaches beyond its ends')
  .source('IGT xe_exec_system_allocator pat-index-{single, multi}-vma; spec/02-attributes §4.4-§4.6')
  .parameters(
    parameters()
      .combine('attribute', ATTRIBUTES)
      .combine('layout', LAYOUT_NAMES)
      .where(({ attribute, layout }) => allowed(attribute, layout)),
  )
  .run((t, { attribute, layout }) => {
    const memory = t.map(pages(PAGES));
    const standard = defaultOf(t, attribute);
    const model: number[] = Array.from({ length: PAGES }, () => standard);
    let changed = false;
    for (const [first, count, which] of LAYOUTS[layout]) {
      const value = VALUES[attribute][which];
      t.set(memory.range(pages(first), pages(count)), { [attribute]: value });
      model.fill(value, first, first + count);
      changed ||= value !== standard;
      t.equal(
        queryRuns(t, memory, [attribute]),
        [runsOf(model)],
        `runs of ${attribute} after the SET of ${count} pages from page ${first}`,
      );
    }
    t.ok(changed, 'some SET was of another value than the default');
  });

segmentsGroup
  .case('other-attributes', 'a SET of one attribute on a piece leaves all others as they are, on every page')
  .source('spec/02-attributes §4.6, §4.9')
  .parameters(
    parameters()
      .combine('attribute', ATTRIBUTES)
      .combine('layout', ['one-page', 'scattered', 'nested', 'chain', 'edges-around'])
      .where(({ attribute, layout }) => allowed(attribute, layout)),
  )
  .run((t, { attribute, layout }) => {
    const memory = t.map(pages(PAGES));
    const others = ATTRIBUTES.filter((each) => each !== attribute);
    // Half of the memory has a record in which everything differs from the default.
    t.set(
      memory.range(0, pages(PAGES / 2)),
      others.map((each) => ({ [each]: VALUES[each][0] })),
    );
    const before = queryRuns(t, memory, others);
    t.ok(
      before.every((runs) => runs.length === 2),
      'every other attribute has two runs',
    );
    for (const [first, count, which] of LAYOUTS[layout])
      t.set(memory.range(pages(first), pages(count)), { [attribute]: VALUES[attribute][which] });
    t.ok(queryRuns(t, memory, [attribute])[0]!.length > 1, 'the attribute has several runs');
    t.equal(queryRuns(t, memory, others), before, 'runs of the other attributes');
  });

segmentsGroup
  .case('aggregate', 'a query over several runs gives the common value, or what stands for none')
  .source('spec/02-attributes §7.1')
  .parameters(
    parameters()
      .combine('attribute', ATTRIBUTES)
      .combine('layout', ['second-vma', 'chain', 'over-holes', 'edges-around'])
      .where(({ attribute, layout }) => allowed(attribute, layout)),
  )
  .run((t, { attribute, layout }) => {
    const memory = t.map(pages(PAGES));
    const standard = defaultOf(t, attribute);
    const model: number[] = Array.from({ length: PAGES }, () => standard);
    for (const [first, count, which] of LAYOUTS[layout]) {
      t.set(memory.range(pages(first), pages(count)), { [attribute]: VALUES[attribute][which] });
      model.fill(VALUES[attribute][which], first, first + count);
    }
    for (let first = 0; first < PAGES; first++) {
      for (const count of [1, 2, 5, PAGES - first]) {
        if (first + count > PAGES) continue;
        const expected = aggregate(attribute, model.slice(first, first + count));
        t.has(
          memory.range(pages(first), pages(count)),
          { [attribute]: expected },
          `${attribute} of ${count} pages from page ${first}`,
        );
      }
    }
  });

function aggregate(attribute: Attribute, values: readonly number[]): number {
  if (attribute === 'granularity') return Math.min(...values);
  if (values.every((value) => value === values[0])) return values[0]!;
  return attribute === 'preferredLocation' || attribute === 'prefetchLocation' ? NO_LOCATION : 0;
}

segmentsGroup
  .case('random', 'many SETs of random attributes on random pieces leave what a table of pages has')
  .source('IGT xe_exec_system_allocator pat-index-*; spec/02-attributes §4')
  .parameters(
    parameters().combine(
      'round',
      Array.from({ length: 24 }, (_, round) => round),
    ),
  )
  .run((t) => {
    const memory = t.map(pages(PAGES));
    const chosen = ATTRIBUTES.filter((each) => each !== 'prefetchLocation');
    const model = new Map(
      chosen.map((each) => {
        const standard = defaultOf(t, each);
        return [each, Array.from({ length: PAGES }, () => standard)];
      }),
    );
    for (let step = 0; step < 20; step++) {
      const first = t.random.below(PAGES);
      const count = 1 + t.random.below(PAGES - first);
      const sets = Array.from({ length: 1 + t.random.below(3) }, () => {
        const attribute = t.random.pick(chosen);
        return [attribute, t.random.pick(VALUES[attribute])] as const;
      });
      t.set(
        memory.range(pages(first), pages(count)),
        sets.map(([attribute, value]) => ({ [attribute]: value })),
      );
      for (const [attribute, value] of sets) model.get(attribute)!.fill(value, first, first + count);
    }
    t.equal(
      queryRuns(t, memory, chosen),
      chosen.map((each) => runsOf(model.get(each)!)),
      `runs of ${chosen.join(', ')}`,
    );
  });

segmentsGroup
  .case('segments-call', 'the typed call gives the same runs as the queries, as long as they can be')
  .source('IGT xe_exec_system_allocator pat-index-*: each returned range is compared')
  .parameters(parameters().combine('layout', LAYOUT_NAMES))
  .run((t, { layout }) => {
    const memory = t.map(pages(PAGES));
    const model: number[] = Array.from({ length: PAGES }, () => 0);
    for (const [first, count, which] of LAYOUTS[layout]) {
      t.set(memory.range(pages(first), pages(count)), { gpuExecutable: VALUES.gpuExecutable[which] });
      model.fill(VALUES.gpuExecutable[which], first, first + count);
    }
    const segments = t.device.attributeSegments(memory.range());
    t.equal(
      segments.map(({ address, size, attributes }) => [address, Number(size), attributes.gpuExecutable ? 1 : 0]),
      runsOf(model).reduce<[bigint, number, number][]>((list, [value, count]) => {
        const last = list[list.length - 1];
        return [...list, [last === undefined ? memory.address : last[0] + BigInt(last[1]), pages(count), value]];
      }, []),
      'segments',
    );
  });
