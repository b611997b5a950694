import { describe, expect, it } from 'vitest';
import { EmulatedMachine } from '../machine.ts';
import type { MachineOptions } from '../options.ts';
import { costArgument } from './cost-argument.ts';
import { COST_FIELDS } from './cost-fields.ts';
import type { CostField } from './cost-fields.ts';
import { COST_FIGURES, COST_NAMES } from './cost-figures.ts';

const FIELDS = Object.keys(COST_FIELDS) as CostField[];

describe('the option cost', () => {
  it('is off by default', () => {
    expect(costArgument(undefined)).toBeNull();
    const machine = new EmulatedMachine();
    expect([machine.options.cost, machine.costTotals, machine.devices[0]!.costTotals]).toEqual([
      null,
      undefined,
      undefined,
    ]);
    expect('cost' in machine.snapshot()).toBe(false);
  });

  it.each(COST_NAMES)('%s is a table with each quantity', (name) => {
    const table = costArgument(name)!;
    expect(Object.keys(table)).toEqual(FIELDS);
    for (const field of FIELDS) {
      expect(table[field], field).toBe(COST_FIGURES[name][field].value);
      expect(table[field], field).toBeGreaterThan(0);
      expect(COST_FIGURES[name][field].source, field).not.toBe('');
      expect(COST_FIGURES[name][field].uncertainty, field).toMatch(/^(x\d+(\.\d+)?|±\d+ %)$/);
    }
  });

  it('takes numbers in place of those of a table', () => {
    expect(costArgument({ tlbFlush: 7, pte: 0.5 })).toEqual({ ...costArgument('mi300x'), tlbFlush: 7, pte: 0.5 });
    expect(costArgument({ base: 'mi210', cpuFault: 0 })).toEqual({ ...costArgument('mi210'), cpuFault: 0 });
    expect(costArgument({})).toEqual(costArgument('mi300x'));
  });

  it('has links by the board', () => {
    const [mi300x, mi210, mi250x, mi300a] = COST_NAMES.map((name) => costArgument(name)!);
    expect(mi300x!.copyBandwidth / mi210!.copyBandwidth).toBeCloseTo(2, 1);
    expect(mi210!.localBandwidth).toBe(mi250x!.localBandwidth);
    expect(mi250x!.copyBandwidth).toBeGreaterThan(mi210!.copyBandwidth);
    expect(mi300a!.remoteBandwidth).toBe(mi300a!.localBandwidth);
    expect(mi300x!.remoteBandwidth).toBeLessThan(mi300x!.copyBandwidth);
  });

  it.each([
    ['mi300', 'cost: expected one of mi300x, mi210, mi250x, mi300a, got "mi300"'],
    [7, 'cost: expected one of mi300x, mi210, mi250x, mi300a, or an object of numbers, got 7'],
    [null, 'cost: expected one of mi300x, mi210, mi250x, mi300a, or an object of numbers, got null'],
    [['mi210'], 'cost: expected one of mi300x, mi210, mi250x, mi300a, or an object of numbers, got a list'],
    [{ base: 'mi400' }, 'cost.base: expected one of mi300x, mi210, mi250x, mi300a, got "mi400"'],
    [{ tlb: 1 }, `cost.tlb: unknown quantity; known: base, ${FIELDS.join(', ')}`],
    [{ tlbFlush: '1' }, 'cost.tlbFlush: expected nanoseconds from 0 to 1000000000, got "1"'],
    [{ tlbFlush: undefined }, 'cost.tlbFlush: expected nanoseconds from 0 to 1000000000, got undefined'],
    [{ tlbFlush: -1 }, 'cost.tlbFlush: expected nanoseconds from 0 to 1000000000, got -1'],
    [{ pte: Number.NaN }, 'cost.pte: expected nanoseconds from 0 to 1000000000, got NaN'],
    [{ pte: 1e9 + 1 }, 'cost.pte: expected nanoseconds from 0 to 1000000000, got 1000000001'],
    [{ copyBandwidth: 0 }, 'cost.copyBandwidth: expected GB/s from 0.001 to 1000000, got 0'],
    [{ localBandwidth: 1e7 }, 'cost.localBandwidth: expected GB/s from 0.001 to 1000000, got 10000000'],
  ])('%j is refused', (cost, message) => {
    const error = expect.objectContaining({ message, code: 'ERR_SVM_INVALID_ARGUMENT' });
    expect(() => new EmulatedMachine({ cost } as unknown as MachineOptions)).toThrow(error);
  });
});
