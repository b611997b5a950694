/** The commands that read traces. */
import { defineCommand } from '../definition.ts';
import { against, jobs, maxSize, nonEmpty, profile, repairs, timeout, whole, wholeFrom } from './shared.ts';

export const replay = defineCommand({
  name: 'replay',
  summary: 'run traces on the emulator; --check compares them with what was recorded',
  usage: ['FILE... [OPTION...]', '- --json'],
  description: [
    'Runs traces, plain or gzip, on the emulator. A folder stands for all *.jsonl and *.jsonl.gz in it, "-" for standard input.',
    'Of several traces, one that cannot be read or is not modelled is reported, and the others still run.',
  ],
  operands: 'files',
  options: {
    check: {
      help: 'compare every answer and every effect with the recorded ones, and print the first difference of each trace; exit code 1 if any differs, or holds no recorded answer to compare with what the driver is asked',
    },
    hazards: {
      help: 'print a line "hazard Qnn at operation N: ..." for each defect of the catalogue that the program runs into (docs/hazards.md); --hazards=fail: and exit code 1 if there is one',
      value: 'fail',
      optional: true,
      choices: ['report', 'fail'],
    },
    repairs: { ...repairs, help: `${repairs.help}, whatever the traces say; not with --check` },
    explain: { help: 'tell the story of the trace in sentences, with the rule that decided each answer' },
    jobs: jobs(
      'replay the files in N threads; the output stays in their order. Default: all cores, less one for the engine where there are few files, and one thread for a handful',
    ),
    json: {
      help: 'with --check: the result as one object; without it: every operation with the answer of the emulator, one object per line. "- --json" answers each operation on standard input at once, and a config starts over: the other side of --against',
    },
    against,
    timeout,
    'max-size': maxSize,
  },
  examples: [
    ['--check recordings/', 'does the emulator answer as the driver did?'],
    ['--hazards=fail run.jsonl', 'for CI: fail where the program runs into a defect of the driver'],
    ['--explain run.jsonl', 'what happened, and why'],
  ],
});

export const snapshot = defineCommand({
  name: 'snapshot',
  summary: 'the address space after N operations of a trace, as a map in text',
  usage: ['FILE [--at N] [--json]'],
  description: [
    'Runs the first N operations of a trace and prints the state: mappings, notifiers, attribute intervals, GPU ranges and PTE runs in address order. The state of PTEs: stale, perm, cow, orphan, nodma, ok (docs/traces.md).',
  ],
  operands: 'files',
  options: {
    at: {
      help: 'operations to run, the configuration counts as one; default: all',
      value: 'N',
      parse: wholeFrom(1),
    },
    json: { help: 'the state as one object; of several GPUs a list of them' },
    'max-size': maxSize,
  },
  examples: [['run.jsonl --at 12', 'the state after operation 12']],
});

export const diff = defineCommand({
  name: 'diff',
  summary: 'where two recordings differ, or what changes for a program between two revisions of the driver',
  usage: ['A B [--json]', '--profiles P,Q FILE [--json]'],
  description: [
    'Compares two recordings of the same program, for instance of "conformance --record" on a GPU and on the emulator, and prints the first operation that was answered otherwise (or that only one of them has), and the state that the operations of each recording lead to on the emulator. Addresses that the system chose are compared by mapping and offset; effects only where both recordings have them.',
    'With --profiles it runs one trace, whose recorded answers are not looked at, on emulated machines of two revisions, and prints every operation that goes otherwise, with the rule behind it, and the state at the end. The machine of v7-xnack-off has its retry faults switched off.',
  ],
  operands: 'files',
  options: {
    profiles: { help: `two revisions with a comma between them, as in v4,v8`, value: 'P,Q' },
    json: { help: 'the comparison as one object' },
    'max-size': maxSize,
  },
  examples: [
    ['gpu.jsonl emulator.jsonl', 'where a GPU answered otherwise than the emulator'],
    ['--profiles v4,v8 run.jsonl', 'what a newer driver changes for this program'],
  ],
});

export const hazards = defineCommand({
  name: 'hazards',
  summary: 'the known defects of each posted revision of the driver, with a trace for each',
  usage: ['[ID...] [--profile P] [--trace | --json]'],
  description: [
    'Lists the catalogue of hazards: what the code of a posted revision does wrong or unexpectedly, which revisions have it, how that is known, what a program can do about it, which repairs of the driver there are, and the smallest trace that runs into it. With IDs (Q35, V7-B2, ...) only those. Nothing in it was confirmed on hardware yet.',
  ],
  operands: [],
  options: {
    profile: profile('only what revision P has, with traces for it'),
    trace: { help: 'only the trace of one ID, to be replayed' },
    json: { help: 'the list as one object' },
  },
  examples: [
    ['Q35', 'one entry'],
    ['Q35 --trace > q35.jsonl', 'a trace that runs into it'],
  ],
});

export const trace = defineCommand({
  name: 'trace',
  summary: 'convert a trace to Chrome JSON, to look at in ui.perfetto.dev',
  usage: ['FILE [-o OUT.json]'],
  description: [
    'Runs a trace, plain or gzip, on the emulator and writes what happened as a Chrome JSON trace: operations, page table and driver as slices, each fault in flight as a track of its own with an arrow to the mapping that served it, counters. Open it in ui.perfetto.dev or chrome://tracing. See docs/perfetto.md.',
  ],
  operands: 'files',
  options: {
    output: {
      help: 'where to write; default: standard output',
      value: 'OUT.json',
      short: 'o',
      completes: 'files',
      parse: nonEmpty('the name of a file'),
    },
    'max-size': maxSize,
  },
  examples: [['run.jsonl -o run.json', 'a file for ui.perfetto.dev']],
});

export const inspect = defineCommand({
  name: 'inspect',
  summary: 'look at a trace, and drive the emulator by hand, in a browser',
  usage: ['[FILE [OTHER]] [--port N] [--open]', 'FOLDER [--port N] [--open]', '[FILE [OTHER]] --out REPORT.html'],
  description: [
    'Serves a page on 127.0.0.1 until SIGINT or SIGTERM: the address space as lanes, the operations as a time line, details with the rule that decided, and a form to run operations. The emulator runs in the page. FILE is a trace, plain or gzip; without it the session is empty. With OTHER both are shown side by side, with the first difference marked. A FOLDER is a list of the traces in it, each a page of its own. See docs/inspector.md.',
  ],
  operands: 'files',
  options: {
    port: { help: 'port to listen on; default: a free one', value: 'N', parse: whole(0, 0xffff) },
    open: { help: 'open the page in the browser of the desktop (default: only its URL is printed)' },
    'no-open': { help: 'leave that, for scripts that want to say it' },
    out: {
      help: 'write the page with the trace in it as one file that needs no server, and end',
      value: 'REPORT.html',
      completes: 'files',
      parse: nonEmpty('the name of a file'),
    },
    'max-size': maxSize,
  },
  examples: [
    ['run.jsonl --open', 'look at a trace'],
    ['recordings/ --open', 'look at the traces of a folder'],
    ['run.jsonl --out run.html', 'a page to attach to a bug report'],
    ['monday.jsonl tuesday.jsonl', 'where two recordings of a program part'],
  ],
});
