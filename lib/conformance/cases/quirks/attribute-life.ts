/** Catalogue 07-quirks, section B, second part: where attribute intervals come from and when they go. */
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { EFAULT } from '../../support/errno.ts';
import { change, otherOf, QUIET } from '../../support/attributes.ts';

export const attributeLifeQuirksGroup = new CaseGroup(
  'quirks,attribute-life',
  'Life of attribute intervals (07-quirks, Q21 to Q34)',
);

attributeLifeQuirksGroup
  .case(
    'q26-after-unmapping',
    'munmap alone changes no attribute of memory that was never on the GPU; where GET wants memory it cannot be asked',
  )
  .source('spec/07-quirks §Q26; spec/revisions §4')
  .parameters(parameters().combine('attribute', QUIET))
  .run((t, { attribute }) => {
    const memory = t.map(pages(16));
    // Mapped before the munmap: the system would choose the place that became free.
    const elsewhere = t.map(pages(1));
    t.set(memory.range(), [change(attribute)]);
    memory.unmap();
    // A SET elsewhere waits for the collector.
    t.set(elsewhere.range(), { access: 'allow-migrate' });
    if (t.can('get-walks-vmas')) {
      t.equal(t.tryGet(memory.range(), [attribute]), -EFAULT, 'GET after munmap');
      return;
    }
    const [seen] = t.get(memory.range(), [attribute]);
    t.shows(
      'Q26',
      { quirk: seen === otherOf(attribute), correct: seen !== otherOf(attribute) },
      `${attribute} after munmap`,
    );
  });

attributeLifeQuirksGroup
  .case('q26-moved-mapping', 'a mapping that is moved leaves its attributes behind')
  .source('spec/07-quirks §Q26')
  .parameters(parameters().combine('attribute', QUIET).combine('keepOld', [false, true]))
  .needs('mremap')
  .run((t, { attribute, keepOld }) => {
    const [memory, target, elsewhere] = [t.map(pages(16)), t.map(pages(16)), t.map(pages(1))];
    t.set(memory.range(), [change(attribute)]);
    const [before] = t.get(target.range(), [attribute]);
    memory.moveTo(target, { keepOld });
    // A SET elsewhere waits for the collector.
    t.set(elsewhere.range(), { access: 'allow-migrate' });
    t.equal(t.get(target.range(), [attribute]), [before!], `${attribute} where the memory is now`);
    if (!keepOld && t.can('get-walks-vmas')) {
      t.equal(t.tryGet(memory.range(), [attribute]), -EFAULT, 'GET where the memory was');
      return;
    }
    const [seen] = t.get(memory.range(), [attribute]);
    if (t.can('attributes-survive-unmap')) {
      t.equal(seen, otherOf(attribute), `${attribute} where the memory was`);
      return;
    }
    t.shows(
      'Q26',
      { quirk: seen === otherOf(attribute), correct: seen !== otherOf(attribute) },
      `${attribute} where the memory was`,
    );
  });
