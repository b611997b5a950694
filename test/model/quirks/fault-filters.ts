/** Quirks of section E: checkpoints, the duplicate filter and the kernel log. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { answerOf, NEEDS_EFFECTS, moved, onGpu, plainPte, pteAt, region, NEEDS_TIME } from '../support/scene.ts';
import { MIB, PAGE } from '../../../lib/conformance/support/units.ts';

/** Faults that flood the kernel log. */
const FLOOD = 50;

export const quirkFaultFiltersGroup = new CaseGroup(
  'quirks,faults',
  'Quirks Q54 to Q67 and Q70: faults (spec/07-quirks §E)',
);

quirkFaultFiltersGroup
  .case('q63', 'while a checkpoint is set, faults elsewhere are dropped')
  .source('spec/07-quirks §Q63')
  .parameters(parameters().combine('timestamp', [1, 4_999, 5_000]))
  .needs(...NEEDS_EFFECTS, 'interrupt-ring')
  .run((t, { timestamp }) => {
    const [unmapped, other] = [onGpu(t), region(t)];
    t.gpu().setInterruptRing('soft', true, 5_000);
    unmapped.unmap();
    t.equal(t.fault(other.address, { timestamp }), 0, 'fault');
    const pte = pteAt(t, other.address);
    t.shows('Q63', { quirk: pte === 0n, correct: pte === plainPte(t) }, 'a fault on memory that was not unmapped');
    t.equal(t.fault(other.address, { timestamp: 5_001 }), 0, 'a younger fault');
    t.equal(pteAt(t, other.address), plainPte(t), 'PTE after it');
  });

quirkFaultFiltersGroup
  .case('q64', 'a fault more than half the counter younger counts as stale')
  .source('spec/07-quirks §Q64')
  .parameters(parameters().combine('checkpoint', [1, 77]).combine('beyond', [1, 1000]))
  .needs(...NEEDS_EFFECTS, 'interrupt-ring')
  .run((t, { checkpoint, beyond }) => {
    const [unmapped, other] = [onGpu(t), region(t)];
    t.gpu().setInterruptRing('soft', true, checkpoint);
    unmapped.unmap();
    const [, reason] = answerOf(t, () => t.fault(other.address, { timestamp: checkpoint + 2 ** 47 + beyond }));
    t.shows(
      'Q64',
      { quirk: reason === 'stale' && t.state().checkpoint === checkpoint, correct: reason === 'mapped' },
      'a much younger fault',
    );
  });

quirkFaultFiltersGroup
  .case('q64-kept', 'an unmapping with empty rings keeps the checkpoint of an earlier one')
  .source('spec/07-quirks §Q64')
  .needs(...NEEDS_EFFECTS, 'interrupt-ring')
  .run((t) => {
    const [first, second] = [onGpu(t), onGpu(t)];
    t.gpu().setInterruptRing('soft', true, 77);
    first.unmap();
    t.gpu().setInterruptRing('soft', false, 99);
    second.unmap();
    const { checkpoint } = t.state();
    t.shows('Q64', { quirk: checkpoint === 77, correct: checkpoint === 0 }, 'the checkpoint');
  });

quirkFaultFiltersGroup
  .case('q70', 'user code on the GPU can flood the kernel log')
  .source('spec/07-quirks §Q70')
  .parameters(
    parameters().combine('memory', ['none', 'none-but-attributes', 'bad-neighbour']).combine('write', [false, true]),
  )
  .needs(...NEEDS_TIME)
  .run((t, { memory: kind, write }) => {
    // What was never on the GPU keeps its attributes when it is unmapped (Q26).
    const memory = kind === 'none-but-attributes' ? region(t) : onGpu(t);
    if (kind === 'none-but-attributes') t.set(memory, { access: 'in-place' });
    if (kind === 'bad-neighbour') {
      memory.discard();
      memory.protect('-', MIB, PAGE);
    } else {
      memory.unmap();
    }
    const { errorLines } = moved(t, ['errorLines'], () => {
      for (let round = 0; round < FLOOD; round++) {
        t.advance();
        t.equal(t.fault(memory.address, { write }), 0, 'result of the fault');
      }
    });
    // Two lines for a missing mapping, one for each of three attempts; a rate limit lets through 10 in 5 s.
    t.shows(
      'Q70',
      { quirk: errorLines === FLOOD * (kind === 'bad-neighbour' ? 3 : 2), correct: errorLines <= 10 },
      `error lines of ${FLOOD} faults`,
    );
  });

quirkFaultFiltersGroup
  .case('q65', 'expiry of the duplicate filter is asked for with the page number')
  .source('spec/07-quirks §Q65')
  .needs('interrupt-ring')
  .unimplemented(
    'the filter of the interrupt layer is not modelled: that expiry is asked for can be seen, for which entry cannot',
  );

quirkFaultFiltersGroup
  .case('q66', 'a failed eviction keeps the address space forever')
  .source('spec/07-quirks §Q66')
  .needs('failure-injection', 'process-exit')
  .unimplemented('the eviction after EOPNOTSUPP has no effect in the emulator, and its allocation cannot fail');
