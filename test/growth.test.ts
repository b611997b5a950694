/** No operation takes longer because there is more that it is not about. */
import { describe, expect, it } from 'vitest';
import { timeOf } from '../bench/growth.ts';
import { GROWTH_OPERATIONS, GrowthScene } from '../bench/growth-scene.ts';

const FEW = 500;
const MANY = 16_000;
/** Pages from one to the next: each has page tables of its own. */
const STRIDE = 1024;
/** What is done for each thing would take thirty times as long. */
const MOST = 8;
const BATCHES = 6;
const BATCH = 50;
/** Microseconds, which are nothing beside 16,000 steps: the collection of garbage, and a processor that others use. */
const SLACK = 20;

describe(`beside ${MANY} mappings with attributes and GPU ranges, as beside ${FEW}`, () => {
  const few = new GrowthScene(FEW, STRIDE);
  const many = new GrowthScene(MANY, STRIDE);

  it.each(GROWTH_OPERATIONS)('$name', (operation) => {
    // The best of batches is what the work is; the scenes take turns, so that both meet the same machine.
    const best = { few: Infinity, many: Infinity };
    for (let round = 0; round < 3; round++) {
      best.few = Math.min(best.few, timeOf(few, operation, BATCHES, BATCH).best);
      best.many = Math.min(best.many, timeOf(many, operation, BATCHES, BATCH).best);
    }
    expect(best.many).toBeLessThan(best.few * MOST + SLACK);
  });

  it('notices what is done for each thing', () => {
    const walk = {
      name: 'a walk',
      run: ({ machine }: GrowthScene): void => {
        for (const { endPage } of machine.process.space.vmas.values()) if (endPage === 0) throw new Error('empty');
      },
    };
    const [short, long] = [few, many].map((scene) => timeOf(scene, walk, 5, 20).best);
    expect(long!).toBeGreaterThan(short! * MOST + SLACK);
  });
});
