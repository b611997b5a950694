import { describe, expect, it } from 'vitest';
import { BOARDS } from './boards.ts';
import { GPU_CATALOGUE } from './catalogue.ts';
import type { AsicName } from './catalogue.ts';

const GIB = 2 ** 30;
/** What one stack or chip of each kind of memory holds at most; the kinds that a system has are not of a board. */
const LARGEST_STACK = { HBM2: 8, HBM2e: 16, HBM3: 24, HBM3E: 36, GDDR6: 2, system: 0 };

describe.each(Object.entries(BOARDS))('the board of %s', (asic, board) => {
  const model = GPU_CATALOGUE[asic as AsicName];

  it('is of the product of the catalogue, and says where its numbers come from', () => {
    const product = model.product.replace(/, noretry=0$/, '');
    expect(board.source).toContain(product);
    for (const [field, reason] of Object.entries(board.concluded)) {
      expect(Object.keys(board)).toContain(field);
      expect(reason!.length).toBeGreaterThan(10);
    }
  });

  it('has memory of its own unless it is an APU, in stacks that hold so much', () => {
    expect(board.vram === 0).toBe(model.apu);
    expect(board.stacks === 0).toBe(board.memory === 'system');
    expect(board.vram).toBeLessThanOrEqual(board.stacks * LARGEST_STACK[board.memory] * GIB);
    if (board.vram > 0)
      expect(board.vram).toBeGreaterThanOrEqual(board.stacks * GIB * (board.memory === 'GDDR6' ? 2 : 4));
  });

  it('has a bandwidth of links if it has links, as only boards with HBM have', () => {
    expect(board.fabricLinkBandwidth > 0).toBe(board.fabricLinks > 0);
    if (board.fabricLinks > 0) expect(board.memory).toMatch(/^HBM/);
    // A data sheet gives the sum of both directions: 16 lanes of at most 25 Gb/s (MI60) to 38.4 Gb/s (MI350X).
    expect(board.fabricLinkBandwidth).toBeLessThanOrEqual(160e9);
  });
});
