/** The commands by name: one call is one run of `amdgpu-svm`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../backend/native-addon.ts';
import { ExitCode, UsageError } from './command.ts';
import type { Command } from './command.ts';
import { complainOf } from './failure.ts';
import { bold, print, table } from './output.ts';

// Loaded when it is asked for: loading all commands takes longer than a short trace.
const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ['info', async () => (await import('./info.ts')).infoCommand],
  ['demo', async () => (await import('./demo.ts')).demoCommand],
  ['replay', async () => (await import('./replay.ts')).replayCommand],
  ['snapshot', async () => (await import('./snapshot.ts')).snapshotCommand],
  ['record', async () => (await import('./record.ts')).recordCommand],
  ['run', async () => (await import('./run.ts')).runCommand],
  ['conformance', async () => (await import('./conformance.ts')).conformanceCommand],
  ['diff', async () => (await import('./diff.ts')).diffCommand],
  ['hazards', async () => (await import('./hazards.ts')).hazardsCommand],
  ['serve', async () => (await import('./serve.ts')).serveCommand],
  ['gpu', async () => (await import('./gpu.ts')).gpuCommand],
  ['trace', async () => (await import('./trace.ts')).traceCommand],
  ['inspect', async () => (await import('./inspect.ts')).inspectCommand],
  ['bench', async () => (await import('./bench.ts')).benchCommand],
  ['build', async () => (await import('./build.ts')).buildCommand],
]);

async function printUsage(): Promise<void> {
  const commands = await Promise.all(Array.from(COMMANDS.values(), (load) => load()));
  print('Usage: amdgpu-svm COMMAND [ARGUMENT...]');
  print();
  print(bold('Commands'));
  for (const line of table(commands.map((command) => [command.name, command.summary]))) print(`  ${line}`);
  print();
  print('amdgpu-svm COMMAND --help tells more. Exit codes: 0 ok, 1 differences or failures, 2 wrong');
  print('input, 3 infrastructure, 4 no capable device.');
}

async function run(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    await printUsage();
    return name === undefined ? ExitCode.usage : ExitCode.ok;
  }
  if (name === '--version' || name === '-v') {
    print(version());
    return ExitCode.ok;
  }
  const load = COMMANDS.get(name);
  if (load === undefined) throw new UsageError(`unknown command "${name}"; known: ${[...COMMANDS.keys()].join(', ')}`);
  const command = await load();
  // What stands behind "--" belongs to another program.
  const own = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
  if (own.includes('--help') || own.includes('-h')) {
    print(`Usage: amdgpu-svm ${command.name} ${command.synopsis}`);
    print();
    print(command.help);
    return ExitCode.ok;
  }
  return command.run(rest);
}

function version(): string {
  const root = packageRoot(import.meta.dirname);
  if (root === undefined) return 'unknown';
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
}

/** Runs `amdgpu-svm ARGS` in this process, writes to its standard output and error, and gives the exit code. */
export async function runCommand(args: readonly string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    return complainOf(error);
  }
}
