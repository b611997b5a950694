/** The commands by name: one call is one run of `amdgpu-svm`. */
import { packageVersion } from '../backend/package-root.ts';
import { ExitCode, UsageError } from './command.ts';
import type { Command } from './command.ts';
import { complainOf } from './failure.ts';
import { bold, print, table } from './output.ts';

interface CommandEntry {
  /** One line for the list of commands. */
  readonly summary: string;
  /** When it is asked for: loading all commands takes longer than a short trace. */
  load(): Promise<Command>;
}

const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  info: {
    summary: 'list render nodes and emulated devices, what each can do and why not',
    load: async () => (await import('./info.ts')).infoCommand,
  },
  demo: {
    summary: 'a guided tour: map memory, set attributes, let the GPU fault, unmap, collect',
    load: async () => (await import('./demo.ts')).demoCommand,
  },
  replay: {
    summary: 'run traces on the emulator; --check compares them with what was recorded',
    load: async () => (await import('./replay.ts')).replayCommand,
  },
  snapshot: {
    summary: 'the address space after N operations of a trace, as a map in text',
    load: async () => (await import('./snapshot.ts')).snapshotCommand,
  },
  record: {
    summary: 'run a program and record what its SvmDevice is asked and answers',
    load: async () => (await import('./record.ts')).recordCommand,
  },
  run: {
    summary: 'run a program and show each HSA and HIP call with the ioctls that it causes',
    load: async () => (await import('./run.ts')).runCommand,
  },
  conformance: {
    summary: 'run the conformance suite on a GPU or on the emulator',
    load: async () => (await import('./conformance.ts')).conformanceCommand,
  },
  diff: {
    summary: 'where two recordings differ, or what changes for a program between two revisions of the driver',
    load: async () => (await import('./diff.ts')).diffCommand,
  },
  hazards: {
    summary: 'the known defects of each posted revision of the driver, with a trace for each',
    load: async () => (await import('./hazards.ts')).hazardsCommand,
  },
  serve: {
    summary: 'mount emulated render nodes that any program can open (Linux, FUSE)',
    load: async () => (await import('./serve.ts')).serveCommand,
  },
  gpu: {
    summary: 'play the GPU of a served node against the memory of its client',
    load: async () => (await import('./gpu.ts')).gpuCommand,
  },
  trace: {
    summary: 'convert a trace to Chrome JSON, to look at in ui.perfetto.dev',
    load: async () => (await import('./trace.ts')).traceCommand,
  },
  inspect: {
    summary: 'look at a trace, and drive the emulator by hand, in a browser',
    load: async () => (await import('./inspect.ts')).inspectCommand,
  },
  explore: {
    summary: 'run every schedule of a small program and name the races that they show',
    load: async () => (await import('./explore.ts')).exploreCommand,
  },
  fuzz: {
    summary: 'run random histories, watch for defects, or compare another implementation with the model',
    load: async () => (await import('./fuzz.ts')).fuzzCommand,
  },
  bench: {
    summary: 'how long the calls take on a GPU or on the emulator',
    load: async () => (await import('./bench.ts')).benchCommand,
  },
  build: {
    summary: 'compile the addon where no shipped binary fits',
    load: async () => (await import('./build.ts')).buildCommand,
  },
};

function printUsage(): void {
  print('Usage: amdgpu-svm COMMAND [ARGUMENT...]');
  print();
  print(bold('Commands'));
  for (const line of table(Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary]))) print(`  ${line}`);
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
    print(packageVersion());
    return ExitCode.ok;
  }
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry === undefined)
    throw new UsageError(`unknown command "${name}"; known: ${Object.keys(COMMANDS).join(', ')}`);
  const command = await entry.load();
  // What is after "--" belongs to another program.
  const own = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
  if (own.includes('--help') || own.includes('-h')) {
    print(`Usage: amdgpu-svm ${command.name} ${command.synopsis}`);
    print();
    print(command.help);
    return ExitCode.ok;
  }
  return command.run(rest);
}

/** Runs `amdgpu-svm ARGS` in this process, writes to its standard output and error, and gives the exit code. */
export async function runCommand(args: readonly string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    return complainOf(error);
  }
}
