/** `amdgpu-svm serve`: a mounted directory of render nodes that the emulator answers. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MachineOptions } from '../device/emulated.ts';
import {
  controlPath,
  inPrivateNamespace,
  nodeCount,
  openControlSocket,
  playGpu,
  SvmServer,
  writeTopology,
} from '../serve/index.ts';
import type { ServedPlaces } from '../serve/index.ts';
import { runProgram } from './child.ts';
import { ExitCode, UsageError } from './command.ts';
import type { serve as serveDefinition } from './commands/programs.ts';
import type { InputOf } from './definition.ts';
import { DEFAULT_PROFILE } from '../uapi/profile.ts';
import { repairsOption, xnackOffOption } from './options.ts';
import { complain, goOnWithoutOutput, print } from './output.ts';

type Values = InputOf<typeof serveDefinition>['values'];

export async function runServe({ values, program }: InputOf<typeof serveDefinition>): Promise<number> {
  const command = program ?? [];
  if (values.run !== command.length > 0)
    throw new UsageError(
      values.run
        ? 'serve: --run: a command is missing; say it after --'
        : `serve: unexpected argument ${JSON.stringify(command[0])}; a command to run needs --run`,
    );
  // A directory that nobody named goes with the command.
  const own = values.run && values.mount === undefined ? mkdtempSync(join(tmpdir(), 'amdgpu-svm-serve-')) : undefined;
  try {
    const mount = values.mount ?? (own === undefined ? undefined : join(own, 'dri'));
    if (mount === undefined) throw new UsageError('serve: --mount DIR is missing; see amdgpu-svm serve --help');
    return await serve(mount, { ...values, kfd: values.kfd || values.run }, command);
  } finally {
    if (own !== undefined) rmSync(own, { recursive: true });
  }
}

/** Serves until a signal comes, or as long as the command runs. */
async function serve(mount: string, values: Values, command: readonly string[]): Promise<number> {
  if (values['allow-other'] && process.geteuid?.() !== 0)
    throw new UsageError('serve: --allow-other: only root can look into the programs of other users');
  if (values.topology !== undefined && !values.kfd)
    throw new UsageError('serve: --topology: it is that of KFD; say --kfd');
  const machine = machineOptions(values);
  // The log is not the service; the output belongs to the command.
  goOnWithoutOutput();
  const say = command.length > 0 ? complain : print;
  const server = await SvmServer.start({
    mount,
    machine,
    kfd: values.kfd,
    allowOther: values['allow-other'],
    complain,
    ...(values.log ? { log: say } : {}),
  });
  try {
    const topology = values.kfd ? topologyOf(server.mount, machine, values.topology) : undefined;
    if (command.length > 0) return await runServed({ mount: server.mount, topology: topology! }, command);
    const stop = new Promise<string>((settle) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => settle(''));
      void server.ended.then(settle);
    });
    const control = await openControlSocket(controlPath(server.mount), (request) => playGpu(server, request));
    const kfd = topology === undefined ? '' : `, KFD at ${server.mount}/kfd, its topology at ${topology}`;
    const nodes = nodePaths(server.mount, nodeCount(machine));
    print(`serving ${machine.asic ?? 'gfx942'} at ${nodes}${kfd}; process ${process.pid}, stop it with Ctrl-C`);
    const failure = await stop;
    control.close();
    if (failure === '') return ExitCode.ok;
    complain(`amdgpu-svm serve: ${failure}`);
    return ExitCode.infrastructure;
  } finally {
    await server.close();
  }
}

/** Runs a command that finds the served files in /dev and /sys; its exit code. */
async function runServed(places: ServedPlaces, command: readonly string[]): Promise<number> {
  const run = inPrivateNamespace(places, command);
  if (typeof run === 'string') {
    complain(`amdgpu-svm serve --run: ${run}`);
    return ExitCode.infrastructure;
  }
  try {
    return await runProgram('serve', run.command, run.args, {});
  } finally {
    run.cleanUp();
  }
}

function machineOptions(values: Values): MachineOptions {
  const { asic, profile, gpus, noretry, 'default-granularity': defaultGranularity } = values;
  return {
    ...(asic === undefined ? {} : { asic }),
    ...(profile === undefined ? {} : { profile }),
    ...xnackOffOption('serve', values['xnack-off'], profile ?? DEFAULT_PROFILE),
    ...repairsOption('serve', values.repairs, profile ?? DEFAULT_PROFILE),
    ...(noretry === undefined ? {} : { noretry: noretry === 1 }),
    ...(gpus === undefined ? {} : { gpus }),
    ...(defaultGranularity === undefined ? {} : { defaultGranularity }),
  };
}

/** Writes the topology of KFD; its folder. */
function topologyOf(mount: string, machine: MachineOptions, folder = `${mount}.topology`): string {
  // Both are as the options of this command have them.
  writeTopology(folder, { asic: (machine.asic as string | undefined) ?? 'gfx942', gpus: nodeCount(machine) });
  return folder;
}

function nodePaths(mount: string, gpus: number): string {
  return Array.from({ length: gpus }, (_, index) => `${mount}/renderD${128 + index}`).join(', ');
}
