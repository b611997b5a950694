/** What pages without attributes read as. */
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import type { Letters } from '../../framework/mapping.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import {
  ALL_TYPES,
  ATTRIBUTES,
  change,
  CHANGEABLE,
  DEFAULTS,
  defaultOf,
  otherOf,
  QUIET,
  typeOf,
} from '../../support/attributes.ts';

export const defaultsGroup = new CaseGroup('attributes,defaults', 'The default record (spec/02-attributes §2, §3)');

const MEMORY = ['no-memory', 'untouched', 'written', 'read-only', 'no-access', 'discarded', 'unmapped'] as const;

/** Eight pages of this kind. */
function memoryOf(t: CaseContext, kind: (typeof MEMORY)[number]): { address: bigint; size: number } {
  if (kind === 'no-memory') return t.hole(pages(8));
  const letters: Partial<Record<typeof kind, Letters>> = { 'read-only': 'r', 'no-access': '-' };
  const memory = t.map(pages(8), { protection: letters[kind] ?? 'rw' });
  if (kind === 'written' || kind === 'discarded' || kind === 'unmapped')
    memory.write(0, new Uint8Array(pages(8)).fill(1));
  if (kind === 'discarded') memory.discard();
  if (kind === 'unmapped') memory.unmap();
  return memory.range();
}

defaultsGroup
  .case('hole', 'each attribute of a hole reads as its default, whatever the memory there is')
  .source('spec/02-attributes §2')
  .parameters(parameters().combine('attribute', ATTRIBUTES).combine('memory', MEMORY))
  .run((t, { attribute, memory }) => {
    const range = memoryOf(t, memory);
    t.equal(t.get(range, [typeOf(attribute)]), [defaultOf(attribute)], attribute);
  });

defaultsGroup
  .case('rest', 'a hole whose one attribute is set has the default record in all the others')
  .source('spec/02-attributes §4.5 step 1')
  .parameters(parameters().combine('attribute', CHANGEABLE))
  .run((t, { attribute }) => {
    const memory = t.map(pages(2));
    t.set(memory.range(0, pages(1)), [change(attribute)]);
    const expected = DEFAULTS.map((value, type) => (type === typeOf(attribute) ? otherOf(attribute) : value));
    t.equal(t.get(memory.range(0, pages(1)), ALL_TYPES), expected, 'the page that was set');
    t.equal(t.get(memory.range(pages(1), pages(1)), ALL_TYPES), [...DEFAULTS], 'the page behind');
  });

defaultsGroup
  .case('back-to-default', 'an attribute that is set back to its default reads as a hole does')
  .source('spec/02-attributes §3')
  .parameters(parameters().combine('attribute', QUIET))
  .run((t, { attribute }) => {
    const memory = t.map(pages(1));
    t.set(memory.range(), [change(attribute)]);
    t.equal(t.get(memory.range(), [typeOf(attribute)]), [otherOf(attribute)], 'changed');
    t.set(memory.range(), [[typeOf(attribute), defaultOf(attribute)]]);
    t.equal(t.get(memory.range(), ALL_TYPES), [...DEFAULTS], 'set back');
  });

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
  .run((t, { attribute }) => {
    const memory = t.map(pages(4));
    t.set(memory.range(pages(1), pages(2)), [[typeOf(attribute), defaultOf(attribute)]]);
    const base = Number(memory.address >> 12n);
    t.equal(
      t.state().attributes,
      [
        {
          firstPage: base + 1,
          lastPage: base + 2,
          preferredLocation: 0xffff_ffff,
          prefetchLocation: 0xffff_ffff,
          access: 2,
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
    t.equal(t.get(range, ALL_TYPES), [...DEFAULTS], 'all attributes');
    t.equal(t.state().attributes, [], 'attribute intervals');
    const other = t.map(pages(1));
    t.set(other.range(), [[2, 2]]);
    t.equal(t.state().attributes.length, 1, 'attribute intervals after a SET');
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
    t.equal(t.get(memory.range(), [typeOf(attribute)], t.devices[0]), [otherOf(attribute)], 'on the first');
    t.equal(t.get(memory.range(), [typeOf(attribute)], t.devices[1]), [defaultOf(attribute)], 'on the second');
  });
