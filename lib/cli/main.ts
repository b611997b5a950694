#!/usr/bin/env node
/** The `amdgpu-svm` command. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SvmError } from '../index.ts';
import { packageRoot } from '../device/native-addon.ts';
import { TraceFileError } from '../trace/read-trace.ts';
import { benchCommand } from './bench.ts';
import { buildCommand } from './build.ts';
import { ExitCode } from './command.ts';
import type { Command } from './command.ts';
import { conformanceCommand } from './conformance.ts';
import { demoCommand } from './demo.ts';
import { diffCommand } from './diff.ts';
import { gpuCommand } from './gpu.ts';
import { infoCommand } from './info.ts';
import { inspectCommand } from './inspect.ts';
import { bold, complain, print, table } from './output.ts';
import { recordCommand } from './record.ts';
import { replayCommand } from './replay.ts';
import { runCommand } from './run.ts';
import { serveCommand } from './serve.ts';
import { snapshotCommand } from './snapshot.ts';
import { traceCommand } from './trace.ts';
import { UsageError } from './usage-error.ts';

const COMMANDS: readonly Command[] = [infoCommand, demoCommand, replayCommand, snapshotCommand, recordCommand, runCommand, conformanceCommand, diffCommand, serveCommand, gpuCommand, traceCommand, inspectCommand, benchCommand, buildCommand];

function printUsage(): void {
  print('Usage: amdgpu-svm COMMAND [ARGUMENT...]');
  print();
  print(bold('Commands'));
  for (const line of table(COMMANDS.map((command) => [command.name, command.summary]))) print(`  ${line}`);
  print();
  print('amdgpu-svm COMMAND --help tells more. Exit codes: 0 ok, 1 differences or failures, 2 wrong');
  print('input, 3 infrastructure, 4 no capable device.');
}

async function run(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    printUsage();
    return name === undefined ? ExitCode.usage : ExitCode.ok;
  }
  if (name === '--version' || name === '-v') {
    print(version());
    return ExitCode.ok;
  }
  const command = COMMANDS.find((each) => each.name === name);
  if (command === undefined) {
    throw new UsageError(`unknown command "${name}"; known: ${COMMANDS.map((each) => each.name).join(', ')}`);
  }
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

/** Wrong input and refused options are the caller's; everything else is ours or the machine's. */
function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof TraceFileError) return ExitCode.usage;
  if (error instanceof SvmError && error.code === 'EOPNOTSUPP') return ExitCode.noDevice;
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ERR_SVM_INVALID_OPTION') return ExitCode.usage;
  if (code === 'ERR_SVM_BACKEND_UNAVAILABLE') return ExitCode.noDevice;
  return ExitCode.infrastructure;
}

// A reader that has seen enough (head, less) closes the pipe: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? ExitCode.ok);
  throw error;
});

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  const exitCode = exitCodeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  const internal = exitCode === ExitCode.infrastructure && error instanceof Error && !('code' in error);
  complain(`amdgpu-svm: ${internal ? (error.stack ?? text) : text}`);
  process.exitCode = exitCode;
}
