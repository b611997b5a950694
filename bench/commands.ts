/** What users wait for: starts of the command and of a program that imports the package, and the conformance suite. */
import { summary } from './measurement.ts';
import type { Measurement } from './measurement.ts';
import { builtCommand, outputOf } from './programs.ts';

/** Starts of each kind, in turns. */
const STARTS = 12;
/** `--version` next to a Node process that does nothing. */
const VERSION_RATIO = 1.5;
/** Microseconds of processor time of an import, above a Node process that does nothing, where that takes 41 ms. */
const NODE_START = 41_000;
const IMPORTS: readonly (readonly [entry: string, most: number])[] = [
  ['amdgpu-svm', 60_000],
  ['amdgpu-svm/emulator', 40_000],
];
/** Seconds of the whole suite with all cores, and of one of many shards, which has few cases. */
const SUITE = 15;
const SHARD = 1.6;
const SHARDS = 64;

const REVISIONS: readonly (readonly [name: string, args: readonly string[]])[] = [
  ['V4', ['--profile', 'v4']],
  ['v8', ['--profile', 'v8', '--vram', String(64 << 20)]],
];

/** Starts of Node, of the command, and of programs that import the package, as users have it. */
export function measureStart(root: string): Measurement[] {
  const command = builtCommand(root);
  const nothing: number[] = [];
  const version: number[] = [];
  const idle: number[] = [];
  const imports = IMPORTS.map((): number[] => []);
  for (let start = 0; start < STARTS; start++) {
    nothing.push(timeOf(root, ['-e', '0']));
    version.push(timeOf(root, [command, '--version']));
    idle.push(processorTime(root, ''));
    IMPORTS.forEach(([entry], index) => imports[index]!.push(processorTime(root, `import '${entry}';`)));
  }
  const empty = summary(nothing);
  const least = Math.min(...idle);
  return [
    { name: 'node -e 0', unit: 'us', ...empty, target: undefined },
    {
      name: 'amdgpu-svm --version',
      unit: 'us',
      ...summary(version),
      target: { kind: 'limit', value: VERSION_RATIO * empty.median },
    },
    { name: 'an empty ES module, processor time', unit: 'us', median: least, best: least, target: undefined },
    ...IMPORTS.map(([entry, most], index): Measurement => {
      // Whatever else runs makes it longer, so the least of them are compared.
      const above = Math.min(...imports[index]!) - least;
      return {
        name: `import '${entry}', processor time above that`,
        unit: 'us',
        median: above,
        best: above,
        target: { kind: 'limit', value: most * Math.max(1, least / NODE_START) },
      };
    }),
  ];
}

/** The suite on the emulator, and one shard of it. */
export function measureConformance(root: string): Measurement[] {
  const command = builtCommand(root);
  const seconds = (...args: string[]): number =>
    timeOf(root, [command, 'conformance', '--backend', 'emulated', ...args]) / 1e6;
  const row = (name: string, took: number, value: number): Measurement => ({
    name,
    unit: 's',
    median: took,
    best: took,
    target: { kind: 'limit', value },
  });
  return [
    ...REVISIONS.map(([name, args]) => row(`conformance, the whole suite on ${name}`, seconds(...args), SUITE)),
    row(`conformance, one of ${SHARDS} shards on V4`, seconds('--profile', 'v4', '--shard', `1/${SHARDS}`), SHARD),
  ];
}

/** Runs Node to its end: microseconds. */
function timeOf(root: string, args: readonly string[]): number {
  const begin = performance.now();
  outputOf(process.execPath, args, { cwd: root });
  return (performance.now() - begin) * 1000;
}

/** Microseconds of processor time of a Node process that runs an ES module with this text. */
function processorTime(root: string, text: string): number {
  const report =
    "process.on('exit', () => { const { user, system } = process.cpuUsage(); console.log(user + system); });";
  return Number(outputOf(process.execPath, ['--input-type=module', '-e', `${text}${report}`], { cwd: root }));
}
