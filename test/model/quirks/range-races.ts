/** Quirks of section C that need a failure or another thread at the wrong moment. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import type { CaseContext } from '../../../lib/conformance/framework/context.ts';
import { ENOMEM } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  NEEDS_COLLECTOR,
  during,
  effects,
  NEEDS_EFFECTS,
  mapAgain,
  onGpu,
  rangeWords,
  region,
} from '../support/scene.ts';
import { CHUNK_2M, PAGE } from '../../../lib/conformance/support/units.ts';

export const quirkRangeRacesGroup = new CaseGroup(
  'quirks,range-races',
  'Quirks Q39 to Q41 and Q43 to Q46: failures and races over ranges (spec/07-quirks §C)',
);

quirkRangeRacesGroup
  .case('q39', 'a failed zap is swallowed')
  .source('spec/07-quirks §Q39')
  .parameters(parameters().combine('event', ['discard', 'protect', 'unmap']))
  .needs(...NEEDS_EFFECTS, 'failure-injection')
  .run((t, { event }) => {
    const memory = onGpu(t);
    t.gpu().failures.plan('zap-ptes', 'EBUSY');
    if (event === 'discard') memory.discard();
    else if (event === 'protect') memory.protect('r');
    else memory.unmap();
    const { mapped, dmaMapped } = t.state().ranges[0]!;
    const live = t.ptes(memory, { states: false }) === 'rw*512';
    t.shows(
      'Q39',
      { quirk: live && !mapped && !dmaMapped, correct: !live || mapped },
      'range and PTEs after the event',
    );
  });

quirkRangeRacesGroup
  .case('q40', 'an event between PTEs and mark is missed: the range is marked mapped over pages of the past')
  .source('spec/07-quirks §Q40')
  .parameters(parameters().combine('by', ['fault', 'prefetch']))
  .needs(...NEEDS_EFFECTS, 'preemption')
  .run((t, { by }) => {
    const memory = region(t);
    const seen = effects(
      t,
      memory,
      () =>
        during(
          t,
          'pte-committed',
          () => memory.discard(),
          () => {
            if (by === 'fault') t.equal(t.fault(memory.address), 0, 'fault');
            else t.set(memory, { prefetchLocation: 'device' });
          },
        ),
      ['ptes-zapped', 'dma-unmapped'],
    );
    const words = t.ptes(memory);
    t.shows(
      'Q40',
      {
        quirk: words === 'rw:stale*512' && !seen.includes('zap 0+512') && rangeWords(t, memory)[0] === '0+512 mapped',
        correct: !words.includes('stale'),
      },
      'PTEs and mark',
    );
  });

quirkRangeRacesGroup
  .case('q41', 'PTEs of a failed commit are not recorded, so the next event skips them')
  .source('spec/07-quirks §Q41')
  .parameters(parameters().combine('errno', ['ENODEV', 'ENOMEM', 'EBUSY']))
  .needs(...NEEDS_EFFECTS, 'failure-injection')
  .run((t, { errno }) => {
    const memory = region(t);
    t.gpu().failures.plan('update-directories', errno);
    t.ok(t.fault(memory.address) < 0, 'the fault fails');
    const live = t.ptes(memory) === 'rw*512';
    const { mapped } = t.state().ranges[0]!;
    t.shows('Q41', { quirk: live && !mapped, correct: live === mapped }, 'PTEs and mark');
    if (!live) return;
    memory.discard();
    const words = t.ptes(memory);
    t.shows('Q41', { quirk: words === 'rw:stale*512', correct: words === '-*512' }, 'PTEs after the next event');
  });

quirkRangeRacesGroup
  .case('q43', 'an interrupted wait for the page-table update is ignored')
  .source('spec/07-quirks §Q43')
  .unimplemented('page-table updates of the emulator are complete at once, and a kernel shows no running one');

function hazards(t: CaseContext, action: () => void): string[] {
  const seen: string[] = [];
  const stop = t.machine.on('hazard', ({ quirk }) => void seen.push(quirk));
  action();
  stop();
  return seen;
}

quirkRangeRacesGroup
  .case('q44', 'a range that is queued is removed by a split and again by the collector')
  .source('spec/07-quirks §Q44')
  .needs(...NEEDS_COLLECTOR, 'preemption')
  .run((t) => {
    const memory = onGpu(t);
    t.set(memory, { access: 'in-place' });
    const seen = hazards(t, () => {
      during(
        t,
        'vma-checked',
        () => memory.unmap(8 * PAGE, PAGE),
        () => t.set(memory.range(0, 4 * PAGE), { gpuReadOnly: true }),
      );
      t.collect();
    });
    t.equal(
      [rangeWords(t, memory), t.state().collectorPending, t.state().counters.dmaPages],
      [[], 0, 0],
      'what is left',
    );
    t.shows(
      'Q44',
      { quirk: seen.filter((quirk) => quirk === 'Q44').length === 2, correct: seen.length === 0 },
      'removals',
    );
  });

quirkRangeRacesGroup
  .case('q45', 'a range that is queued again while it is collected is removed twice')
  .source('spec/07-quirks §Q45')
  .needs(...NEEDS_COLLECTOR, 'preemption')
  .run((t) => {
    const memory = onGpu(t);
    memory.unmap(0, PAGE);
    const seen = hazards(t, () =>
      during(
        t,
        // Where attributes stay, the collector has none to clear.
        t.can('attributes-survive-unmap') ? 'work-unlock' : 'tree-unlock',
        () => memory.unmap(5 * PAGE, PAGE),
        () => t.collect(),
      ),
    );
    t.equal(rangeWords(t, memory), [], 'ranges');
    t.shows('Q45', { quirk: seen.includes('Q45'), correct: seen.length === 0 }, 'removals');
  });

quirkRangeRacesGroup
  .case('q46', 'a failed collection leaves a range on which the GPU retries forever')
  .source('spec/07-quirks §Q46')
  .parameters(parameters().combine('by', ['worker', 'fault']))
  .needs(...NEEDS_COLLECTOR, 'failure-injection', 'address-choice')
  .needs('unmap-clears-attributes')
  .run((t, { by }) => {
    const memory = region(t, 3 * CHUNK_2M);
    t.set(memory, { access: 'in-place' });
    t.equal(t.fault(memory.at(CHUNK_2M)), 0, 'fault');
    t.advance();
    memory.unmap(CHUNK_2M, CHUNK_2M);
    t.gpu().failures.plan('clear-split', 'ENOMEM');
    if (by === 'worker') t.equal(t.collect(), 1, 'collectors');
    else t.equal(t.fault(memory.address), -ENOMEM, 'the fault that collects');
    mapAgain(t, memory, CHUNK_2M, CHUNK_2M);
    const outcomes = [1, 2, 3].map(() => {
      const { runs, result } = t.access(memory.at(CHUNK_2M), PAGE);
      t.advance();
      t.collect();
      return `${runs[0]!.outcome} ${result}`;
    });
    t.shows(
      'Q46',
      { quirk: outcomes.every((outcome) => outcome === 'failed 0'), correct: outcomes.at(-1) === 'hit 0' },
      'accesses to the memory mapped again',
    );
    // Another UNMAP of a part of it cures it.
    memory.unmap(CHUNK_2M, PAGE);
    t.equal(t.collect(), 1, 'collectors of the cure');
    t.equal(t.access(memory.at(CHUNK_2M + PAGE), PAGE).runs[0]!.outcome, 'faulted', 'access after the cure');
  });
