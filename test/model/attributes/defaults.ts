/** What pages without attributes read as. */
import { attributeNeeds } from '../../../lib/conformance/support/attributes.ts';
import { getsWithoutMemory } from '../../../lib/conformance/support/without-memory.ts';
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { allTypes, ATTRIBUTES, defaults, defaultOf } from '../../../lib/conformance/support/attributes.ts';
import { MEMORY, memoryOf } from '../../../lib/conformance/support/attribute-memory.ts';

export const defaultsGroup = new CaseGroup('attributes,defaults', 'The default record (spec/02-attributes §2, §3)');

defaultsGroup
  .case('equal-to-default', 'a SET on a hole makes an interval even if its record equals the default')
  .source('spec/02-attributes §4.5 step 2')
  .parameters(
    parameters().combine(
      'attribute',
      ATTRIBUTES.filter((name) => name !== 'prefetchLocation'),
    ),
  )
  .needs('introspection')
  .needsAt(attributeNeeds)
  .run((t, { attribute }) => {
    const memory = t.map(pages(4));
    t.set(memory.range(pages(1), pages(2)), { [attribute]: defaultOf(t, attribute) });
    const base = Number(memory.address >> 12n);
    t.equal(
      t.state().attributes,
      [
        {
          firstPage: base + 1,
          lastPage: base + 2,
          preferredLocation: 0xffff_ffff,
          prefetchLocation: 0xffff_ffff,
          access: defaultOf(t, 'access'),
          granularity: 9,
          flags: 0x03,
        },
      ],
      'attribute intervals',
    );
  });

defaultsGroup
  .case('get-makes-nothing', 'a GET makes no interval')
  .source('spec/02-attributes §7')
  .parameters(parameters().combine('memory', MEMORY))
  .needs('introspection')
  .run((t, { memory }) => {
    const range = memoryOf(t, memory);
    if (memory === 'no-memory' || memory === 'unmapped')
      getsWithoutMemory(t, range, allTypes(t), defaults(t), 'all attributes');
    else t.equal(t.get(range, allTypes(t)), defaults(t), 'all attributes');
    t.equal(t.state().attributes, [], 'attribute intervals');
    const other = t.map(pages(1));
    t.set(other.range(), { access: 'allow-migrate' });
    t.equal(t.state().attributes.length, 1, 'attribute intervals after a SET');
  });
