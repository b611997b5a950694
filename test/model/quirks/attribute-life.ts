/** Catalogue 07-quirks, section B, second part: where attribute intervals come from and when they go. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { EFAULT, EINTR, EINVAL, ENOENT } from '../../../lib/conformance/support/errno.ts';
import { change, otherOf, QUIET } from '../../../lib/conformance/support/attributes.ts';
import { MIB, prefetched } from './region.ts';
import { REGION, region } from '../../../lib/conformance/support/region.ts';
import type { AttributePair } from '../../../lib/uapi/call.ts';

export const attributeLifeQuirksGroup = new CaseGroup(
  'quirks,attribute-life',
  'Life of attribute intervals (07-quirks, Q21 to Q34)',
);

const SIZE = pages(REGION);

attributeLifeQuirksGroup
  .case(
    'q21-work-without-memory',
    'the second pass of a SET makes an interval over memory that was unmapped in between',
  )
  .source('spec/07-quirks §Q21')
  .needs('preemption', 'introspection')
  .run((t) => {
    const memory = region(t);
    let ran = 0;
    const stop = t.machine.at(
      'pages-got',
      () => {
        ran++;
        memory.unmap();
      },
      { pass: 1 },
    );
    const result = t.trySet(memory.range(), { prefetchLocation: 'device' });
    stop();
    t.equal(ran, 1, 'changes at the critical moment');
    const intervals = t.state().attributes.length;
    t.shows(
      'Q21',
      { quirk: result === -ENOENT && intervals === 1, correct: result !== 0 && intervals === 0 },
      'intervals over memory that is gone',
    );
  });

attributeLifeQuirksGroup
  .case('q24-validated-once', 'attributes are stored for memory that was unmapped after its validation, and stay')
  .source('spec/07-quirks §Q24')
  .parameters(parameters().combine('attribute', QUIET))
  .needs('preemption', 'deferred-work', 'address-choice')
  .run((t, { attribute }) => {
    const memory = region(t);
    let ran = 0;
    const stop = t.machine.at('vma-checked', () => {
      ran++;
      memory.unmap();
    });
    const result = t.trySet(memory.range(), [change(attribute)]);
    stop();
    t.equal(ran, 1, 'moments after the validation');
    t.collect();
    // Where GET wants memory, new memory at the address shows them.
    if (t.can('get-walks-vmas')) {
      t.equal(t.tryGet(memory.range(), [attribute]), -EFAULT, 'GET without memory');
      region(t, REGION, { address: memory.address });
    }
    const [seen] = t.get(memory.range(), [attribute]);
    // Without retry faults memory with access would be mapped at once.
    const maps = attribute === 'access' && t.can('xnack-off');
    t.shows(
      'Q24',
      {
        quirk: result === (maps ? -ENOENT : 0) && seen === otherOf(attribute),
        correct: result !== 0 && seen !== otherOf(attribute),
      },
      'attributes of memory that is gone',
    );
  });

attributeLifeQuirksGroup
  .case(
    'q25-interrupted-effect',
    'the repetition of a SET that was interrupted returns 0 and does nothing; from V5 on a prefetch is repeated',
  )
  .source('spec/07-quirks §Q25; spec/revisions §4')
  .parameters(parameters().combine('effect', ['split', 'prefetch']))
  .needs('failure-injection', 'introspection', 'fault-handler')
  .run((t, { effect }) => {
    const memory = region(t);
    if (effect === 'split') {
      t.set(memory.range(), { access: 'in-place' });
      t.access(memory.address, SIZE, { write: true });
    }
    const range = effect === 'split' ? memory.range(0, pages(MIB)) : memory.range();
    const record: AttributePair = effect === 'split' ? [8, 1] : [1, 1];
    t.gpu().failures.plan('lock-page-directory', 'EINTR');
    t.equal(t.trySet(range, [record]), -EINTR, 'result of the interrupted call');
    t.equal(t.trySet(range, [record]), 0, 'result of its repetition');
    t.equal(t.get(range, [record[0]]), [1], 'the attribute');
    const now = t.ptes(memory.range());
    if (effect === 'prefetch' && t.can('changes-invalidate')) t.equal(now, 'rw*512', 'PTEs');
    else
      t.shows(
        'Q25',
        {
          quirk: now === (effect === 'split' ? 'rw*512' : '-*512'),
          correct: now === (effect === 'split' ? '-*512' : 'rw*512'),
        },
        'PTEs',
      );
  });

attributeLifeQuirksGroup
  .case(
    'q26-outlives-the-mapping',
    'attributes of memory that was never on the GPU stay for what is mapped there next; from V5 on by design',
  )
  .source('spec/07-quirks §Q26; spec/revisions §4')
  .parameters(parameters().combine('attribute', QUIET))
  .needs('deferred-work', 'address-choice')
  .run((t, { attribute }) => {
    const memory = region(t);
    t.set(memory.range(), [change(attribute)]);
    memory.unmap();
    // Without retry faults memory that is given access is on the GPU at once.
    t.equal(t.collect(), attribute === 'access' && t.can('xnack-off') ? 1 : 0, 'collectors that ran');
    const again = region(t, REGION, { address: memory.address });
    const [seen] = t.get(again.range(), [attribute]);
    if (t.can('attributes-survive-unmap')) t.equal(seen, otherOf(attribute), `${attribute} of the new mapping`);
    else
      t.shows(
        'Q26',
        { quirk: seen === otherOf(attribute), correct: seen !== otherOf(attribute) },
        `${attribute} of the new mapping`,
      );
  });

attributeLifeQuirksGroup
  .case('q27-hull', 'two partial unmaps of one range clear the pages between them too; from V5 on none')
  .source('spec/07-quirks §Q27; spec/revisions §4')
  .parameters(parameters().combine('first', [0, 8]).combine('second', [100, 511]).combine('order', ['up', 'down']))
  .needs('deferred-work', 'introspection')
  .run((t, { first, second, order }) => {
    const memory = region(t);
    t.set(memory.range(), { gpuExecutable: true, prefetchLocation: 'device' });
    for (const page of order === 'up' ? [first, second] : [second, first]) memory.unmap(pages(page), pages(1));
    t.equal(t.collect(), 1, 'collectors that ran');
    const [between] = t.get(memory.range(pages(first + 1), pages(second - first - 1)), ['gpuExecutable']);
    if (t.can('attributes-survive-unmap')) {
      t.equal(between, 1, 'GPU_EXEC of the pages between');
      t.equal(t.tryGet(memory.range(pages(first), pages(1)), ['gpuExecutable']), -EFAULT, 'GET of an unmapped page');
    } else {
      t.shows('Q27', { quirk: between === 0, correct: between === 1 }, 'GPU_EXEC of the pages between');
      t.has(memory.range(pages(first), pages(1)), { gpuExecutable: false }, 'GPU_EXEC of the first unmapped page');
    }
    if (first > 0) t.has(memory.range(0, pages(first)), { gpuExecutable: true }, 'GPU_EXEC of the pages before');
    if (second < 511) t.has(memory.range(pages(second + 1)), { gpuExecutable: true }, 'GPU_EXEC of the pages after');
  });

attributeLifeQuirksGroup
  .case(
    'q27-collector-between',
    'with the collector in between only the first page is cleared: the second unmap finds no range; from V5 on nothing is cleared',
  )
  .source('spec/07-quirks §Q27, §Q26; spec/revisions §4')
  .needs('deferred-work')
  .run((t) => {
    const memory = region(t);
    t.set(memory.range(), { gpuExecutable: true, prefetchLocation: 'device' });
    memory.unmap(0, pages(1));
    t.equal(t.collect(), 1, 'collectors that ran');
    memory.unmap(pages(511), pages(1));
    t.equal(t.collect(), 0, 'collectors that ran after the second munmap');
    const survive = t.can('attributes-survive-unmap');
    if (survive) t.equal(t.tryGet(memory.range(0, pages(1)), ['gpuExecutable']), -EFAULT, 'GET of the first page');
    else t.has(memory.range(0, pages(1)), { gpuExecutable: false }, 'GPU_EXEC of the first page');
    t.has(memory.range(pages(1), pages(510)), { gpuExecutable: true }, 'GPU_EXEC of the pages between');
    if (survive) return;
    const [last] = t.get(memory.range(pages(511)), ['gpuExecutable']);
    t.shows('Q26', { quirk: last === 1, correct: last === 0 }, 'GPU_EXEC of the last page');
  });

attributeLifeQuirksGroup
  .case(
    'q28-fault-made-interval',
    'a fault on an unregistered page leaves an interval; in the heap and the stack GET shows it',
  )
  .source('spec/07-quirks §Q28; spec/02-attributes §2')
  .parameters(parameters().combine('kind', ['heap', 'stack', 'anon'] as const))
  .needs('fault-handler', 'introspection', 'heap', 'stack')
  .run((t, { kind }) => {
    const memory = region(t, REGION, { kind });
    t.has(memory.range(), { preferredLocation: 'undefined' }, 'preferred location before');
    // The stack begins at the end of its mapping.
    const page = kind === 'stack' ? 511 : 3;
    t.equal(t.fault(memory.at(pages(page))), 0, 'result of the fault');
    const intervals = t.state().attributes.length;
    const [now] = t.get(memory.range(pages(page), pages(1)), ['preferredLocation']);
    const quirk = kind === 'anon' ? now === 0xffff_ffff : now === 0;
    t.shows(
      'Q28',
      { quirk: intervals === 1 && quirk, correct: intervals === 0 && now === 0xffff_ffff },
      'what the fault left in the attributes',
    );
  });

attributeLifeQuirksGroup
  .case('q28-failed-fault', 'a fault that is refused leaves its interval too')
  .source('spec/07-quirks §Q28')
  .parameters(parameters().combine('letters', ['-', 'r'] as const))
  .needs('fault-handler', 'introspection')
  .run((t, { letters }) => {
    const memory = t.map(SIZE, { protection: letters });
    t.equal(t.fault(memory.address, { write: letters === 'r' }), -1, 'result of the fault');
    const intervals = t.state().attributes.length;
    t.shows('Q28', { quirk: intervals === 1, correct: intervals === 0 }, 'intervals after a refused fault');
  });

attributeLifeQuirksGroup
  .case(
    'q28-later-split',
    'the interval that a fault made turns a later SET of a part into a split, which invalidates; from V5 on not of GRANULARITY',
  )
  .source('spec/07-quirks §Q28; spec/revisions §4')
  .parameters(parameters().combine('attribute', ['gpuReadOnly', 'granularity', 'access'] as const))
  .needs('fault-handler', 'introspection')
  .run((t, { attribute }) => {
    const memory = region(t);
    t.access(memory.address, SIZE, { write: true });
    t.equal(t.ptes(memory.range()), 'rw*512', 'PTEs before');
    t.set(memory.range(0, pages(1)), [change(attribute)]);
    const now = t.ptes(memory.range());
    if (attribute === 'granularity' && t.can('changes-invalidate'))
      t.equal(now, 'rw*512', 'PTEs after the SET of one page');
    else
      t.shows(
        'Q28',
        { quirk: now === '-*512', correct: now === 'rw*512' || now === '-*1 rw*511' || now === 'r*1 rw*511' },
        'PTEs after the SET of one page',
      );
  });

attributeLifeQuirksGroup
  .case('q29-never-merged', 'intervals are never merged, also when all their records are equal again')
  .source('spec/07-quirks §Q29')
  .parameters(
    parameters()
      .combine('pages', [2, 16, 512])
      .combine('attribute', ['gpuExecutable', 'access'] as const),
  )
  .needs('introspection')
  .run((t, { pages: count, attribute }) => {
    const memory = t.map(pages(count));
    for (let page = 0; page < count; page += 2) t.set(memory.range(pages(page), pages(1)), [change(attribute)]);
    t.equal(t.state().attributes.length, count / 2, 'intervals');
    t.set(memory.range(), [change(attribute)]);
    t.has(memory.range(), { [attribute]: otherOf(attribute) }, 'the attribute of all');
    const intervals = t.state().attributes.length;
    t.shows('Q29', { quirk: intervals === count, correct: intervals === 1 }, 'intervals when all records are equal');
  });

attributeLifeQuirksGroup
  .case(
    'q30-get-does-not-wait',
    'after munmap GET returns the old attributes until the collector has run (V4), or waits for it and finds no memory',
  )
  .source('spec/07-quirks §Q30; spec/revisions §4')
  .parameters(parameters().combine('attribute', QUIET))
  .needs('deferred-work')
  .run((t, { attribute }) => {
    const memory = region(t);
    t.set(memory.range(), [change(attribute), { prefetchLocation: 'device' }]);
    memory.unmap();
    if (t.can('get-walks-vmas')) {
      t.equal(t.tryGet(memory.range(), [attribute]), -EFAULT, 'GET');
      t.equal(t.collect(), 0, 'collectors that are left to run');
      return;
    }
    const [now] = t.get(memory.range(), [attribute]);
    t.shows('Q30', { quirk: now === otherOf(attribute), correct: now !== otherOf(attribute) }, `${attribute} at once`);
    t.equal(t.collect(), 1, 'collectors that ran');
    t.ok(t.get(memory.range(), [attribute])[0] !== otherOf(attribute), 'the attribute is gone after the collection');
  });

attributeLifeQuirksGroup
  .case('q30-set-waits', 'a SET waits for the collector, whatever it answers')
  .source('spec/07-quirks §Q30; spec/01-uapi §6.1')
  .parameters(parameters().combine('value', [2, 9]))
  .needs('deferred-work', 'introspection')
  .run((t, { value }) => {
    const memory = prefetched(t);
    t.set(memory.range(), { gpuExecutable: true });
    memory.unmap();
    // From V5 on GET waits too, and finds no memory.
    const survive = t.can('attributes-survive-unmap');
    t.equal(t.state().collectorQueued, true, 'the collector is queued');
    if (!survive) t.has(memory.range(), { gpuExecutable: true }, 'GPU_EXEC at once');
    const elsewhere = t.map(pages(1));
    t.equal(t.trySet(elsewhere.range(), { access: value }), value === 9 ? -EINVAL : 0, 'result of SET_ATTR');
    t.equal(t.state().collectorQueued, false, 'the collector is still queued');
    if (survive) t.equal(t.tryGet(memory.range(), ['gpuExecutable']), -EFAULT, 'GET afterwards');
    else t.has(memory.range(), { gpuExecutable: false }, 'GPU_EXEC afterwards');
  });
