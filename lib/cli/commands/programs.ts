/** The commands that run or serve programs of others. */
import { defineCommand } from '../definition.ts';
import { asic, nonEmpty, profile, repairs, traffic, whole, xnackOff } from './shared.ts';

export const record = defineCommand({
  name: 'record',
  summary: 'run a program and record what its SvmDevice is asked and answers',
  usage: ['FILE -- COMMAND [ARGUMENT...]'],
  description: [
    'Runs COMMAND with AMDGPU_SVM_RECORD=FILE, so that every SvmDevice it opens is recorded in the trace format: GPUs of one machine together; other machines, threads and child processes to FILE with ".2", ".3", ... before its ending. In FILE, "%p" becomes the process id, "%t" the number of the thread, "%d" that of the recording in its thread. Recordings of an earlier run to FILE are removed first. The exit code is that of COMMAND, or 1 if nothing was recorded. For what each call of HSA or HIP causes, readable at once, see amdgpu-svm run --trace.',
  ],
  operands: 'files',
  options: {},
  program: true,
  examples: [['run.jsonl -- node allocator.mjs', 'record what a program does']],
});

export const run = defineCommand({
  name: 'run',
  summary: 'run a program and show each HSA and HIP call with the ioctls that it causes',
  usage: ['--trace[=FILE] [--json] -- COMMAND [ARGUMENT...]'],
  description: [
    'Runs COMMAND with AMDGPU_SVM_TRACE set. Every call of an HsaRuntime or a HipRuntime becomes a line',
    '  hipMemAdvise(SetPreferredLocation, 1) -> GPU1: PREFERRED_LOC=1',
    'when it has ended, a prefetch when it has run; so does every ioctl of an SvmDevice outside of such a call ("ioctl -> ..."). The exit code is that of COMMAND.',
  ],
  options: { trace: traffic, json: { help: 'one JSON object per line, with addresses and sizes (docs/hsa.md)' } },
  program: true,
  examples: [['--trace=calls.txt -- node program.mjs', 'the calls of a program, in a file']],
});

export const serve = defineCommand({
  name: 'serve',
  summary: 'mount emulated render nodes that any program can open (Linux, FUSE)',
  usage: ['--mount DIR [--kfd] [OPTION...]', '--run [OPTION...] -- COMMAND [ARGUMENT...]'],
  description: [
    'Mounts DIR (made if missing) with renderD128, ... until SIGINT or SIGTERM. A program opens such a file and issues real ioctls: DRM_IOCTL_VERSION and DRM_AMDGPU_GEM_SVM are answered by the emulator on the program\'s own memory. "amdgpu-svm gpu --mount DIR" plays the GPU. See docs/serve.md.',
  ],
  options: {
    // An empty name would be the current directory.
    mount: { help: 'where to mount', value: 'DIR', completes: 'folders', parse: nonEmpty('a folder') },
    asic,
    gpus: { help: 'number of nodes, 1 to 8; default 1', value: 'N', parse: whole(1, 8) },
    profile: profile('revision of the user ABI'),
    'xnack-off': xnackOff,
    noretry: {
      help: 'module parameter amdgpu.noretry: with 1 no GPU has retry faults in v8, and in earlier revisions those that ask it (gfx906, gfx908) have none; default: as the GPU boots, in v8 0',
      value: '0|1',
      parse: whole(0, 1),
    },
    repairs,
    'default-granularity': {
      help: 'module parameter of the driver, log2 of pages; default 9',
      value: 'N',
      parse: whole(0, 255),
    },
    kfd: { help: 'serve KFD, too, at DIR/kfd: queues, events and memory for its runtimes' },
    topology: {
      help: "where KFD's topology is written; default next to the mount, DIR.topology",
      value: 'DIR',
      completes: 'folders',
      parse: nonEmpty('a folder'),
    },
    run: {
      help: 'serve KFD as long as COMMAND runs, which finds the served files as /dev/kfd, /dev/dri/renderD128 and in /sys: in a mount namespace of its own, as root or where users may make one. The exit code is that of COMMAND',
    },
    'allow-other': { help: 'let other users open the nodes too; only root can (docs/security.md)' },
    log: { help: 'print each open, ioctl, memory event and close' },
  },
  program: true,
  examples: [
    ['--mount /tmp/dri', 'a node at /tmp/dri/renderD128'],
    ['--run -- ./my-rocm-program', 'a program that finds the node where it expects it'],
  ],
});

export const gpu = defineCommand({
  name: 'gpu',
  summary: 'play the GPU of a served node against the memory of its client',
  usage: ['--mount DIR ACTION [ARGUMENT...] [--pid PID | --file N] [--write] [--json]'],
  description: [
    'DIR is that of "amdgpu-svm serve". Numbers are decimal or 0x..., addresses those of the client.',
    `  list                              open files and how much is alive
  fault ADDRESS [--write]           raise one retry fault; 0 means "the GPU may retry"
  access ADDRESS SIZE [--write]     touch every page, with retries; hits and faults as runs
  fill ADDRESS VALUE SIZE           write a 32-bit value all over
  copy DESTINATION SOURCE SIZE
  read ADDRESS SIZE                 bytes as the GPU sees them, hexadecimal
  write ADDRESS HEX
  snapshot                          attributes, notifiers, ranges, PTEs of the context`,
  ],
  operands: ['list', 'fault', 'access', 'fill', 'copy', 'read', 'write', 'snapshot'],
  options: {
    mount: { help: 'of the served node', value: 'DIR', completes: 'folders', parse: nonEmpty('a folder') },
    pid: { help: 'the open file of that process, if there are several', value: 'PID', parse: whole(0, 2 ** 32) },
    file: { help: 'the open file of that number', value: 'N', parse: whole(0, 2 ** 32) },
    write: { help: 'the access writes' },
    json: { help: 'the answer as one object' },
  },
  notes: ['Exit code 1: the access was refused, or not all of it was possible.'],
  examples: [
    ['--mount /tmp/dri list', 'who has the node open'],
    ['--mount /tmp/dri access 0x7f0000000000 0x200000 --write', 'the GPU writes 2 MiB'],
  ],
});
