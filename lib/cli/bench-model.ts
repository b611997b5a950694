/** `amdgpu-svm bench --model`: time, faults and bytes moved of some policies over one access pattern, by the cost model. */
import { COST_FIELDS, costArgument } from '../device/emulated.ts';
import type { CostField, CostName, CostOption } from '../device/emulated.ts';
import { ExitCode, UsageError } from './command.ts';
import type { bench } from './commands/machines.ts';
import type { InputOf } from './definition.ts';
import { repairsOption } from './options.ts';
import { print, table, toJson } from './output.ts';
import { POLICY_NAMES } from './policies.ts';
import type { PolicyName } from './policies.ts';
import { runPolicy } from './policy-workload.ts';
import type { PolicyResult, WorkloadSettings } from './policy-workload.ts';
import { counted } from '../words/counted.ts';

/** Runs `bench --model`; returns the exit code. */
export async function benchModel(values: InputOf<typeof bench>['values']): Promise<ExitCode> {
  const { cost = 'mi300x', repairs = 'all', policies: names = 'no-prefetch,prefetch-once,prefetch-window' } = values;
  const settings: WorkloadSettings = {
    cost: costOf(cost),
    pattern: values.pattern ?? 'hot',
    size: values.size ?? 64,
    vram: values.vram ?? 32,
    window: values.window ?? 4,
    passes: values.passes ?? 2,
    cpuReads: values['cpu-reads'],
    repairs: repairs === '' ? [] : (repairsOption('bench', repairs, 'v8').repairs ?? []),
  };
  const { size, window } = settings;
  if (size % window !== 0)
    throw new UsageError(`bench: --window: expected a divisor of the ${size} MiB of --size, got ${window}`);
  const policies = names.split(',').map((name) => policyOf(name.trim()));
  const results: PolicyResult[] = [];
  for (const policy of policies) results.push(await runPolicy(policy, settings));
  if (values.json) {
    print(toJson({ ...settings, cost: costArgument(settings.cost), results }, 2));
    return ExitCode.ok;
  }
  const { pattern, vram, passes } = settings;
  print(
    `cost ${cost}: ${size} MiB on ${vram} MiB of VRAM, ${pattern} in windows of ${window} MiB, ${counted(passes, 'pass', 'passes')}`,
  );
  for (const line of table([HEAD, ...results.map(row)])) print(line);
  print();
  print('what the time is spent on, ms');
  for (const line of table(spentTable(results))) print(line);
  return ExitCode.ok;
}

const HEAD = [
  'policy',
  'ms',
  'GPU faults',
  'CPU faults',
  'evictions',
  'to VRAM, MiB',
  'to system, MiB',
  'accessed in VRAM, MiB',
  'over the link, MiB',
];

function row({ policy, nanoseconds, faults, cpuFaults, evictions, bytes }: PolicyResult): string[] {
  const { toVram, toSystem, local, remote } = bytes;
  const sizes = [toVram, toSystem, local, remote].map((size) => (size / 2 ** 20).toFixed(1));
  return [policy, milliseconds(nanoseconds), ...[faults, cpuFaults, evictions].map(String), ...sizes];
}

/** One row for each kind that took time, one column for each policy. */
function spentTable(results: readonly PolicyResult[]): string[][] {
  const kinds = Object.keys(results[0]!.spent).filter((kind) => results.some(({ spent }) => spent[kind]! > 0));
  return [
    ['', ...results.map(({ policy }) => policy)],
    ...kinds.map((kind) => [kind, ...results.map(({ spent }) => milliseconds(spent[kind]!))]),
  ];
}

function milliseconds(nanoseconds: number): string {
  return (nanoseconds / 1e6).toFixed(2);
}

/** "NAME,QUANTITY=NUMBER,...": a table, and numbers in place of some of its own. */
function costOf(text: string): CostOption {
  const [base, ...numbers] = text.split(',');
  const option: Partial<Record<CostField, number>> & { base: CostName } = { base: base as CostName };
  for (const each of numbers) {
    const [name = '', value = ''] = each.split('=');
    if (value.trim() === '' || Number.isNaN(Number(value)))
      throw new UsageError(
        `bench: --cost: expected QUANTITY=NUMBER after the table, got "${each}"; known: ${Object.keys(COST_FIELDS).join(', ')}`,
      );
    option[name as CostField] = Number(value);
  }
  try {
    costArgument(option);
  } catch (error) {
    throw new UsageError(`bench: --${(error as Error).message}`);
  }
  return option;
}

function policyOf(name: string): PolicyName {
  const found = POLICY_NAMES.find((each) => each === name);
  if (found !== undefined) return found;
  throw new UsageError(`bench: --policies: expected ${POLICY_NAMES.join(', ')}, got "${name}"`);
}
