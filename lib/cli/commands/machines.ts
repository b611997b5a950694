/** The commands about this machine and its devices. */
import { COST_NAMES } from '../../device/emulated-names.ts';
import { defineCommand } from '../definition.ts';
import { PATTERN_NAMES, PATTERNS, POLICIES } from '../policies.ts';
import { asic, backend, nonEmpty, profile, repairs, traffic, whole, xnackOff } from './shared.ts';
import { WORKLOAD_NAMES } from '../workload-names.ts';

export const info = defineCommand({
  name: 'info',
  summary: 'list render nodes and emulated devices, what each can do and why not',
  usage: ['[--json]'],
  description: [
    'Shows the render nodes of this machine, the addon, what SvmDevice.open() gives here and why, and the emulated GPUs.',
  ],
  options: { json: { help: 'the same as one object' } },
  examples: [['', 'what there is here']],
});

export const demo = defineCommand({
  name: 'demo',
  summary: 'a guided tour: map memory, set attributes, let the GPU fault, unmap, collect',
  usage: ['[OPTION...]'],
  description: ['Runs the tour on a GPU or on the emulator, with the code of each step and what came of it.'],
  options: {
    backend,
    asic: { ...asic, help: `${asic.help} (see amdgpu-svm info)` },
    record: {
      help: 'record the tour in the trace format',
      value: 'FILE',
      completes: 'files',
      parse: nonEmpty('the name of a file'),
    },
    trace: traffic,
    json: { help: 'the steps as one object; the calls of --trace as JSON lines' },
  },
  examples: [
    ['', 'the tour'],
    ['--asic gfx90a --record tour.jsonl', 'on another GPU, and keep a recording'],
  ],
});

const MODEL = 'Options of --model';
const MIB = whole(1, 4096);

const listed = (meanings: Readonly<Record<string, string>>): string =>
  Object.entries(meanings)
    .map(([name, meaning]) => `  ${name}: ${meaning}`)
    .join('\n');

export const bench = defineCommand({
  name: 'bench',
  summary: 'how long the calls take on a GPU or on the emulator',
  usage: ['[NAME...] [OPTION...]', '--model [OPTION...]'],
  description: [
    'Times the calls of the typed API on the device that SvmDevice.open() would take. The comparison with the C code of the driver is "npm run bench" in the repository.',
    `NAME measures only these: ${WORKLOAD_NAMES.join(', ')}.`,
    'With --model no clock of this computer is looked at: an emulated GPU of PATCH v8 works through memory under several policies, and the cost model (docs/cost.md) says what that takes. The same options give the same numbers.',
  ],
  operands: WORKLOAD_NAMES,
  options: {
    backend,
    node: { help: 'render node', value: 'PATH', completes: 'files' },
    profile: profile('revision of the user ABI'),
    'xnack-off': xnackOff,
    asic,
    time: { help: 'milliseconds for each, default 500', value: 'MS', parse: whole(1, 60_000) },
    repairs: {
      ...repairs,
      help: `${repairs.help}; with --model those of v8, default all, and '' is the driver as it was posted`,
    },
    json: { help: 'the result as one object; times in microseconds, with --model in nanoseconds, sizes in bytes' },
    model: { help: 'policies by the cost model', group: MODEL },
    policies: {
      help: 'with commas between them; default no-prefetch,prefetch-once,prefetch-window',
      value: 'LIST',
      group: MODEL,
    },
    cost: {
      help: `${COST_NAMES.join(', ')}, and ",QUANTITY=NUMBER" for each number of your own; default mi300x`,
      value: 'TABLE',
      group: MODEL,
    },
    pattern: { help: 'default hot', value: 'NAME', choices: PATTERN_NAMES, group: MODEL },
    size: { help: 'memory that the GPU writes to, default 64', value: 'MIB', parse: MIB, group: MODEL },
    vram: { help: 'memory of the GPU, default 32', value: 'MIB', parse: MIB, group: MODEL },
    window: {
      help: 'what it works on at a time, a divisor of the size; default 4',
      value: 'MIB',
      parse: MIB,
      group: MODEL,
    },
    passes: { help: 'default 2', value: 'N', parse: whole(1, 100), group: MODEL },
    'cpu-reads': { help: 'after each pass the CPU reads a page of each window', group: MODEL },
  },
  notes: [`Policies:\n${listed(POLICIES)}`, `Patterns:\n${listed(PATTERNS)}`],
  examples: [
    ['get-one set-same --json', 'two calls'],
    ['--model --vram 16 --policies in-place,residency', 'which policy is faster where memory is short'],
  ],
});

export const build = defineCommand({
  name: 'build',
  summary: 'compile the addon where no shipped binary fits',
  usage: ['[--fuse] [--force] [--verbose]'],
  description: [
    "The addon needs a C++20 compiler, make, python3 and node-gyp. The node-gyp that comes with npm is enough; NODE_GYP names another one. CXX, MAKE and PYTHON are respected. Node's own headers are taken from beside Node (include/node), or downloaded by node-gyp. The FUSE helper needs a C++20 compiler, pkg-config and libfuse 3 with its headers.",
  ],
  options: {
    fuse: { help: 'compile the FUSE helper of amdgpu-svm serve instead' },
    force: { help: 'compile the addon also where a shipped binary serves this machine' },
    verbose: { help: 'show the output of the compiler' },
  },
  examples: [
    ['', 'the addon'],
    ['--fuse', 'what amdgpu-svm serve needs'],
  ],
});

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const completion = defineCommand({
  name: 'completion',
  summary: 'print a script that completes commands and options in a shell',
  usage: [SHELLS.join('|')],
  description: [
    'Prints the script for a shell. It knows all commands, options and their values by itself, so that completing starts no program.',
  ],
  operands: SHELLS,
  options: {},
  examples: [
    ['bash >> ~/.bash_completion', 'for bash'],
    ['zsh > "${fpath[1]}/_amdgpu-svm"', 'for zsh'],
    ['fish > ~/.config/fish/completions/amdgpu-svm.fish', 'for fish'],
  ],
});
