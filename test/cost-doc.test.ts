/** The numbers in docs/cost.md are those of the cost model. */
import { expect, it } from 'vitest';
import { COST_FIELDS, COST_FIGURES, COST_NAMES } from '../emulator/index.ts';
import type { CostField } from '../emulator/index.ts';
import { expectGenerated, markdownTable } from './support/generated-docs.ts';

const FIELDS = Object.keys(COST_FIELDS) as CostField[];

it('times are in the table, with their sources', () => {
  const rows = FIELDS.filter((field) => COST_FIELDS[field].unit === 'ns').map((field) => {
    const [figure, ...others] = COST_NAMES.map((name) => COST_FIGURES[name][field]);
    for (const other of others) expect(other, field).toEqual(figure);
    return [
      `\`${field}\``,
      figure!.value.toLocaleString('en-US'),
      figure!.uncertainty,
      COST_FIELDS[field].spent,
      figure!.source,
    ];
  });
  expectGenerated('cost.md', 'numbers', markdownTable([['quantity', 'ns', 'off by', 'spent', 'source'], ...rows]));
});

it('so are bandwidths', () => {
  const rows = FIELDS.filter((field) => COST_FIELDS[field].unit === 'GB/s').flatMap((field) =>
    COST_NAMES.map((name) => {
      const { value, uncertainty, source } = COST_FIGURES[name][field];
      return [`\`${field}\``, name, value.toLocaleString('en-US'), uncertainty, source];
    }),
  );
  expectGenerated('cost.md', 'bandwidths', markdownTable([['quantity', 'table', 'GB/s', 'off by', 'source'], ...rows]));
});
