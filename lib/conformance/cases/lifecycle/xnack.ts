/** On which GPUs a context can live, and the default granularity it starts with. */
import { CaseGroup } from '../../framework/case.ts';
import { PAGE } from '../../support/units.ts';

export const xnackGroup = new CaseGroup(
  'lifecycle,xnack',
  'XNACK detection and default granularity (spec/06-lifecycle §3, §4)',
);

xnackGroup
  .case('granularity-of-creation', 'GET and SET of another granularity leave the default alone')
  .source('spec/06-lifecycle §1, §4')
  .run((t) => {
    const memory = t.map(2 * PAGE);
    const before = t.get(memory, ['granularity']);
    t.set(memory.range(0, PAGE), { granularity: before[0] === 3 ? 4 : 3 });
    t.equal(t.get(memory.range(PAGE, PAGE), ['granularity']), before, 'GRANULARITY next to it');
    t.has(memory.range(0, PAGE), { granularity: before[0] === 3 ? 4 : 3 }, 'GRANULARITY that was set');
  });
