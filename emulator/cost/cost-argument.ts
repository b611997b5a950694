// Models: nothing - checks the option `cost` of a machine.
import { argumentError, describe, objectArgument, wordArgument } from '../kernel/arguments.ts';
import { COST_FIELDS } from './cost-fields.ts';
import type { CostField, CostTable } from './cost-fields.ts';
import { COST_FIGURES, COST_NAMES } from './cost-figures.ts';
import type { CostName } from './cost-figures.ts';

/** The name of a table, or numbers that take the place of those of the table `base`, by default 'mi300x'. */
export type CostOption = CostName | (Partial<CostTable> & { readonly base?: CostName });

/** No single step takes longer than a second. */
const MOST_NANOSECONDS = 1e9;
const LEAST_BANDWIDTH = 0.001;
const MOST_BANDWIDTH = 1e6;
const FIELD_NAMES = Object.keys(COST_FIELDS) as readonly CostField[];

/** The numbers of a table. */
function tableOf(name: CostName): Record<CostField, number> {
  const entries = FIELD_NAMES.map((field) => [field, COST_FIGURES[name][field].value]);
  return Object.fromEntries(entries) as Record<CostField, number>;
}

/** The table that the option `cost` means, null for none; TypeError or RangeError (`ERR_SVM_INVALID_ARGUMENT`) that names the field. */
export function costArgument(option: unknown): CostTable | null {
  if (option === undefined) return null;
  if (typeof option === 'string') return tableOf(wordArgument('cost', option as CostName, COST_NAMES));
  const { base, ...numbers } = objectArgument(
    'cost',
    option,
    `one of ${COST_NAMES.join(', ')}, or an object of numbers`,
  ) as Readonly<Record<string, unknown>>;
  const table = tableOf(base === undefined ? 'mi300x' : wordArgument('cost.base', base as CostName, COST_NAMES));
  for (const [name, value] of Object.entries(numbers)) {
    if (!Object.hasOwn(COST_FIELDS, name))
      throw argumentError(RangeError, `cost.${name}: unknown quantity; known: base, ${FIELD_NAMES.join(', ')}`);
    table[name as CostField] = quantityArgument(name as CostField, value);
  }
  return table;
}

function quantityArgument(field: CostField, value: unknown): number {
  const isTime = COST_FIELDS[field].unit === 'ns';
  const [least, most] = isTime ? [0, MOST_NANOSECONDS] : [LEAST_BANDWIDTH, MOST_BANDWIDTH];
  const allowed = `${isTime ? 'nanoseconds' : 'GB/s'} from ${least} to ${most}`;
  if (typeof value !== 'number')
    throw argumentError(TypeError, `cost.${field}: expected ${allowed}, got ${describe(value)}`);
  if (!(value >= least && value <= most))
    throw argumentError(RangeError, `cost.${field}: expected ${allowed}, got ${value}`);
  return value;
}
