/** What pages without attributes read as. */
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { hasWithoutMemory } from '../../support/without-memory.ts';
import {
  allTypes,
  attributeNeeds,
  ATTRIBUTES,
  change,
  CHANGEABLE,
  defaults,
  defaultOf,
  otherOf,
  QUIET,
  typeOf,
} from '../../support/attributes.ts';
import { MEMORY, memoryOf } from '../../support/attribute-memory.ts';

export const defaultsGroup = new CaseGroup('attributes,defaults', 'The default record (spec/02-attributes §2, §3)');

defaultsGroup
  .case('hole', 'each attribute of a hole reads as its default, whatever the memory there is')
  .source('spec/02-attributes §2')
  .parameters(parameters().combine('attribute', ATTRIBUTES).combine('memory', MEMORY))
  .needsAt(attributeNeeds)
  .run((t, { attribute, memory }) => {
    const range = memoryOf(t, memory);
    const expected = { [attribute]: defaultOf(t, attribute) };
    if (memory === 'no-memory' || memory === 'unmapped') hasWithoutMemory(t, range, expected, attribute);
    else t.has(range, expected, attribute);
  });

defaultsGroup
  .case('rest', 'a hole whose one attribute is set has the default record in all the others')
  .source('spec/02-attributes §4.5 step 1')
  .parameters(parameters().combine('attribute', CHANGEABLE))
  .run((t, { attribute }) => {
    const memory = t.map(pages(2));
    t.set(memory.range(0, pages(1)), [change(attribute)]);
    const expected = defaults(t).map((value, type) => (type === typeOf(attribute) ? otherOf(attribute) : value));
    t.equal(t.get(memory.range(0, pages(1)), allTypes(t)), expected, 'the page that was set');
    t.equal(t.get(memory.range(pages(1), pages(1)), allTypes(t)), defaults(t), 'the page after');
  });

defaultsGroup
  .case('back-to-default', 'an attribute that is set back to its default reads as a hole does')
  .source('spec/02-attributes §3')
  .parameters(parameters().combine('attribute', QUIET))
  .run((t, { attribute }) => {
    const memory = t.map(pages(1));
    t.set(memory.range(), [change(attribute)]);
    t.has(memory.range(), { [attribute]: otherOf(attribute) }, 'changed');
    t.set(memory.range(), { [attribute]: defaultOf(t, attribute) });
    t.equal(t.get(memory.range(), allTypes(t)), defaults(t), 'set back');
  });

defaultsGroup
  .case('own-tree', 'each device has attributes of its own')
  .source('spec/02-attributes §3')
  .parameters(parameters().combine('attribute', CHANGEABLE))
  .needs('two-gpus')
  .run((t, { attribute }) => {
    t.setup({ gpus: 2 });
    const memory = t.map(pages(1));
    t.set(memory.range(), [change(attribute)], t.devices[0]);
    t.has(memory.range(), { [attribute]: otherOf(attribute) }, 'on the first', t.devices[0]);
    t.has(memory.range(), { [attribute]: defaultOf(t, attribute) }, 'on the second', t.devices[1]);
  });
