/** Quirks of section C: invalidation and ranges. Each case states the quirk and the correct behaviour, and reports which one it met. */
import { CaseGroup } from '../../framework/case.ts';
import { parameters } from '../../framework/parameters.ts';
import { CHUNK_2M, PAGE } from '../../support/units.ts';

export const quirkRangesGroup = new CaseGroup(
  'quirks,ranges',
  'Quirks Q35 to Q38, Q42, Q47, Q68 and Q69: invalidation and ranges (spec/07-quirks §C)',
);

quirkRangesGroup
  .case('q35-old-data', 'after two partial discards the GPU reads the old data of the second part')
  .source('spec/07-quirks §Q35')
  .parameters(parameters().combine('first', [0, 9]).combine('second', [1, 8, 511]))
  .needs('gpu-work', 'retry-faults', 'unmap-events')
  .run(async (t, { first, second }) => {
    const memory = t.map(CHUNK_2M);
    const queue = t.queue();
    await queue.fill(memory.address, 0x0707_0707, CHUNK_2M);
    memory.discard(first * PAGE, PAGE);
    memory.discard(second * PAGE, PAGE);
    t.equal(memory.read(second * PAGE, 1)[0], 0, 'what the CPU reads');
    const [byte] = await queue.read(memory.at(second * PAGE), 1);
    t.shows('Q35', { quirk: byte === 7, correct: byte === 0 }, 'what the GPU reads');
    // A fault on the first part cures the second.
    t.equal((await queue.read(memory.at(first * PAGE), 1))[0], 0, 'what the GPU reads of the first part');
    t.equal((await queue.read(memory.at(second * PAGE), 1))[0], 0, 'what the GPU reads of the second part then');
  });
