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
import { ExitCode, readArguments, UsageError } from './command.ts';
import type { Command } from './command.ts';
import { DEFAULT_PROFILE } from '../uapi/profile.ts';
import {
  asicOption,
  PROFILE_NAMES,
  profileOption,
  REPAIRS_HELP,
  repairsOption,
  XNACK_OFF_HELP,
  xnackOffOption,
} from './options.ts';
import { complain, goOnWithoutOutput, print } from './output.ts';

const OPTIONS = {
  mount: { type: 'string' },
  asic: { type: 'string' },
  gpus: { type: 'string' },
  profile: { type: 'string' },
  'xnack-off': { type: 'boolean', default: false },
  noretry: { type: 'string' },
  repairs: { type: 'string' },
  'default-granularity': { type: 'string' },
  kfd: { type: 'boolean', default: false },
  topology: { type: 'string' },
  run: { type: 'boolean', default: false },
  'allow-other': { type: 'boolean', default: false },
  log: { type: 'boolean', default: false },
} as const;

type Values = ReturnType<typeof readArguments<typeof OPTIONS>>['values'];

export const serveCommand: Command = {
  name: 'serve',
  synopsis: '--mount DIR [--kfd] [OPTION...]   |   --run [OPTION...] -- COMMAND...',
  help: `Mounts DIR (made if missing) with renderD128, ... until SIGINT or SIGTERM. A program opens such a
file and issues real ioctls: DRM_IOCTL_VERSION and DRM_AMDGPU_GEM_SVM are answered by the emulator
on the program's own memory. "amdgpu-svm gpu --mount DIR" plays the GPU. See docs/serve.md.

  --mount DIR                where to mount
  --asic NAME                the emulated GPU; default gfx942 (see amdgpu-svm info)
  --gpus N                   number of nodes, 1 to 8; default 1
  --profile NAME             revision of the user ABI: ${PROFILE_NAMES}
  --xnack-off                ${XNACK_OFF_HELP}
  --noretry 0|1              module parameter amdgpu.noretry: with 1 no GPU has retry faults in v8, and in earlier revisions
                             those that ask it (gfx906, gfx908) have none; default: as the GPU boots, in v8 0
  --repairs LIST             ${REPAIRS_HELP}
  --default-granularity N    module parameter of the driver, log2 of pages; default 9
  --kfd                      serve KFD, too, at DIR/kfd: queues, events and memory for its runtimes
  --topology DIR             where KFD's topology is written; default next to the mount, DIR.topology
  --run -- COMMAND           serve KFD as long as COMMAND runs, which finds the served files as /dev/kfd, /dev/dri/renderD128
                             and in /sys: in a mount namespace of its own, as root or where users may make one
  --allow-other              let other users open the nodes too; only root can (docs/security.md)
  --log                      print each open, ioctl, memory event and close`,
  async run(args) {
    const { values, positionals } = readArguments('serve', args, OPTIONS, true);
    if (values.run !== positionals.length > 0)
      throw new UsageError(
        values.run
          ? 'serve: --run: a command is missing; say it after --'
          : `serve: unexpected argument ${JSON.stringify(positionals[0])}; a command to run needs --run`,
      );
    // A directory that nobody named goes with the command.
    const own = values.run && values.mount === undefined ? mkdtempSync(join(tmpdir(), 'amdgpu-svm-serve-')) : undefined;
    try {
      const mount = values.mount ?? (own === undefined ? undefined : join(own, 'dri'));
      // An empty name, as of a shell variable that is not set, would be the current directory.
      if (!mount) throw new UsageError('serve: --mount DIR is missing; see amdgpu-svm serve --help');
      return await serve(mount, { ...values, kfd: values.kfd || values.run }, positionals);
    } finally {
      if (own !== undefined) rmSync(own, { recursive: true });
    }
  },
};

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

function machineOptions(values: {
  asic?: string;
  gpus?: string;
  profile?: string;
  'xnack-off': boolean;
  noretry?: string;
  repairs?: string;
  'default-granularity'?: string;
}): MachineOptions {
  const asic = asicOption('serve', values.asic);
  const profile = profileOption('serve', values.profile);
  const gpus = integer('gpus', values.gpus, 1, 8);
  const noretry = integer('noretry', values.noretry, 0, 1);
  const defaultGranularity = integer('default-granularity', values['default-granularity'], 0, 255);
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

function integer(name: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,4}$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most))
    throw new UsageError(`serve: --${name}: expected ${least} to ${most}, got "${text}"`);
  return value;
}

function nodePaths(mount: string, gpus: number): string {
  return Array.from({ length: gpus }, (_, index) => `${mount}/renderD${128 + index}`).join(', ');
}
