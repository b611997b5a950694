/** Quirks of section B: attribute intervals that change while another operation uses them. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { EINVAL } from '../../../lib/conformance/support/errno.ts';
import { change } from '../../../lib/conformance/support/attributes.ts';
import { REGION, region } from '../../../lib/conformance/support/region.ts';

export const attributeRacesQuirksGroup = new CaseGroup(
  'quirks,attribute-life',
  'Life of attribute intervals (07-quirks, Q21 to Q34)',
);

const SIZE = pages(REGION);

attributeRacesQuirksGroup
  .case('q31-hidden-set', 'a SET into the hole that a fault is about to fill is hidden by the interval of the fault')
  .source('spec/07-quirks §Q31')
  .needs('preemption', 'fault-handler')
  .run(async (t) => {
    const memory = region(t);
    let answer: Promise<void> | undefined;
    const part = memory.range(pages(16), pages(16));
    const stop = t.machine.at('mmap-unlock', () => {
      answer ??= t.device.setAttributesAsync(part, { gpuExecutable: true });
    });
    t.equal(t.fault(memory.address), 0, 'result of the fault');
    stop();
    t.ok(answer !== undefined, 'the SET came at the critical moment');
    await answer;
    const [seen] = t.get(part, ['gpuExecutable']);
    t.shows('Q31', { quirk: seen === 0, correct: seen === 1 }, 'GPU_EXEC after a SET that returned 0');
  });

attributeRacesQuirksGroup
  .case(
    'q32-freed-under-the-fault',
    'a fault maps with the attributes of an interval that its own collector freed (V4); later nothing frees it',
  )
  .source('spec/07-quirks §Q32; spec/revisions §4')
  .parameters(
    parameters()
      .combine('attribute', ['gpuExecutable', 'gpuReadOnly'] as const)
      .combine('worker', ['late', 'first']),
  )
  .needs('fault-handler', 'introspection', 'deferred-work', 'address-choice')
  .run((t, { attribute, worker }) => {
    const memory = region(t);
    t.set(memory.range(), [change(attribute)]);
    t.access(memory.address, SIZE);
    memory.unmap();
    const again = region(t, REGION, { address: memory.address });
    if (worker === 'first') t.equal(t.collect(), 1, 'collectors that ran');
    t.equal(t.fault(again.address), 0, 'result of the fault');
    const survive = t.can('attributes-survive-unmap');
    t.has(again.range(), { [attribute]: survive ? 1 : 0 }, `${attribute} of the new mapping`);
    const now = t.ptes(again.range());
    const stale = attribute === 'gpuExecutable' ? 'rwx*512' : 'r*512';
    if (survive) t.equal(now, stale, 'PTEs of the new mapping');
    else if (worker === 'first') t.equal(now, 'rw*512', 'PTEs if the collector has run');
    else t.shows('Q32', { quirk: now === stale, correct: now === 'rw*512' }, 'PTEs of the new mapping');
  });

attributeRacesQuirksGroup
  .case(
    'q33-trimmed-under-the-fault',
    'a legal access is killed because the collector trimmed the interval that the fault had found',
  )
  .source('spec/07-quirks §Q33')
  .parameters(parameters().combine('worker', ['late', 'first']).combine('write', [false, true]))
  .needs('fault-handler', 'introspection', 'deferred-work', 'address-choice')
  .run((t, { worker, write }) => {
    const memory = region(t, 2 * REGION);
    t.set(memory.range(), { access: 'allow-migrate' });
    t.access(memory.address, SIZE, { write: true });
    memory.unmap(0, SIZE);
    const again = region(t, REGION, { address: memory.address });
    if (worker === 'first') t.equal(t.collect(), 1, 'collectors that ran');
    const result = t.fault(again.address, { write });
    if (worker === 'first') {
      t.equal([result, t.ptes(again.range())], [0, 'rw*512'], 'result and PTEs if the collector has run');
      return;
    }
    t.shows('Q33', { quirk: result === -EINVAL, correct: result === 0 }, 'the fault');
    t.equal(t.fault(again.address, { write }), 0, 'result of the same fault once more');
    t.equal(t.ptes(again.range()), 'rw*512', 'PTEs');
  });

attributeRacesQuirksGroup
  .case(
    'q34-reshaped-under-the-set',
    'a prefetch maps only what another SET has left of its interval (V4); later the other SET waits',
  )
  .source('spec/07-quirks §Q34; spec/revisions §4')
  .parameters(parameters().combine('page', [0, 256, 512, 1023]))
  .needs('preemption', 'introspection')
  .run(async (t, { page }) => {
    if (t.perRevision({ v4: false, v7: false, 'v7-xnack-off': false, v8: true }))
      t.skip('an attribute is stored and applied in one step: there is no such moment');
    const memory = region(t, 2 * REGION);
    t.set(memory.range(), { access: 'allow-migrate' });
    let other: Promise<void> | undefined;
    const stop = t.machine.at(
      'attr-edited',
      () => {
        other ??= t.device.setAttributesAsync(memory.range(pages(page), pages(1)), { gpuReadOnly: true });
      },
      { pass: 1 },
    );
    t.equal(t.trySet(memory.range(), { prefetchLocation: 'device' }), 0, 'result of SET_ATTR');
    stop();
    t.ok(other !== undefined, 'the other SET came in between');
    await other;
    t.has(memory.range(), { prefetchLocation: 'device' }, 'prefetch location of all');
    const now = t.ptes(memory.range());
    const runs = [
      [page, '-'],
      [1, 'r'],
      [1023 - page, '-'],
    ] as const;
    const word = (rest: string): string =>
      runs
        .filter(([count]) => count > 0)
        .map(([count, letters]) => `${letters === '-' ? rest : letters}*${count}`)
        .join(' ');
    if (t.can('attributes-survive-unmap')) {
      // It has taken the range of its page from the GPU, and mapped the page for its own prefetch location.
      const inBlock = page % 512;
      const block = [inBlock === 0 ? '' : `-*${inBlock}`, 'r*1', inBlock === 511 ? '' : `-*${511 - inBlock}`];
      const blocks = page < 512 ? [...block, 'rw*512'] : ['rw*512', ...block];
      t.equal(now, blocks.filter((each) => each !== '').join(' '), 'PTEs');
    } else t.shows('Q34', { quirk: now === word('-'), correct: now === word('rw') }, 'PTEs');
  });
