/** `amdgpu-svm bench --model`: time, faults and bytes moved of some policies over one access pattern, by the cost model. */
import { COST_FIELDS, COST_NAMES, costArgument } from '../device/emulated.ts';
import type { CostField, CostName, CostOption } from '../device/emulated.ts';
import { ExitCode, readArguments, UsageError } from './command.ts';
import { repairsOption } from './options.ts';
import { print, table, toJson } from './output.ts';
import { PATTERN_NAMES, PATTERNS, POLICIES, POLICY_NAMES, runPolicy } from './policy-workload.ts';
import type { PatternName, PolicyName, PolicyResult, WorkloadSettings } from './policy-workload.ts';

const OPTIONS = {
  model: { type: 'boolean' },
  policies: { type: 'string', default: 'no-prefetch,prefetch-once,prefetch-window' },
  cost: { type: 'string', default: 'mi300x' },
  pattern: { type: 'string', default: 'hot' },
  size: { type: 'string', default: '64' },
  vram: { type: 'string', default: '32' },
  window: { type: 'string', default: '4' },
  passes: { type: 'string', default: '2' },
  'cpu-reads': { type: 'boolean', default: false },
  repairs: { type: 'string', default: 'all' },
  json: { type: 'boolean', default: false },
} as const;

export const MODEL_SYNOPSIS =
  '--model [--policies LIST] [--cost TABLE] [--pattern NAME] [--size MIB] [--vram MIB] [--window MIB] [--passes N] [--cpu-reads] [--repairs LIST] [--json]';

const listed = (meanings: Readonly<Record<string, string>>): string =>
  Object.entries(meanings)
    .map(([name, meaning]) => `                    ${name}: ${meaning}`)
    .join('\n');

export const MODEL_HELP = `With --model no clock of this computer is looked at: an emulated GPU of PATCH v8 works through memory under several
policies, and the cost model (docs/cost.md) says what that takes. The same options give the same numbers.

  --policies LIST   with commas between them; default no-prefetch,prefetch-once,prefetch-window
${listed(POLICIES)}
  --cost TABLE      ${COST_NAMES.join(', ')}, and ",QUANTITY=NUMBER" for each number of your own; default mi300x
  --pattern NAME    default hot
${listed(PATTERNS)}
  --size MIB        memory that the GPU writes to, default 64
  --vram MIB        memory of the GPU, default 32
  --window MIB      what it works on at a time, a divisor of the size; default 4
  --passes N        default 2
  --cpu-reads       after each pass the CPU reads a page of each window
  --repairs LIST    as above, of v8; default all. '' is the driver as it was posted
  --json            the result as one object; times in nanoseconds, sizes in bytes`;

const MOST_MIB = 4096;
const MOST_PASSES = 100;

/** Runs `bench --model`; returns the exit code. */
export async function benchModel(args: readonly string[]): Promise<number> {
  const { values } = readArguments('bench', args, OPTIONS, false);
  const settings: WorkloadSettings = {
    cost: costOf(values.cost),
    pattern: wordOf('pattern', values.pattern, PATTERN_NAMES) as PatternName,
    size: countOf('size', values.size, MOST_MIB),
    vram: countOf('vram', values.vram, MOST_MIB),
    window: countOf('window', values.window, MOST_MIB),
    passes: countOf('passes', values.passes, MOST_PASSES),
    cpuReads: values['cpu-reads'],
    repairs: values.repairs === '' ? [] : (repairsOption('bench', values.repairs, 'v8').repairs ?? []),
  };
  const { size, window } = settings;
  if (size % window !== 0)
    throw new UsageError(`bench: --window: expected a divisor of the ${size} MiB of --size, got ${window}`);
  const policies = values.policies
    .split(',')
    .map((name) => wordOf('policies', name.trim(), POLICY_NAMES) as PolicyName);
  const results: PolicyResult[] = [];
  for (const policy of policies) results.push(await runPolicy(policy, settings));
  if (values.json) {
    print(toJson({ ...settings, cost: costArgument(settings.cost), results }, 2));
    return ExitCode.ok;
  }
  const { pattern, vram, passes } = settings;
  print(
    `cost ${values.cost}: ${size} MiB on ${vram} MiB of VRAM, ${pattern} in windows of ${window} MiB, ${passes} passes`,
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

function wordOf(option: string, word: string, words: readonly string[]): string {
  if (words.includes(word)) return word;
  throw new UsageError(`bench: --${option}: expected ${words.join(', ')}, got "${word}"`);
}

function countOf(option: string, text: string, most: number): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 1 && count <= most) return count;
  throw new UsageError(`bench: --${option}: expected a whole number from 1 to ${most}, got "${text}"`);
}
