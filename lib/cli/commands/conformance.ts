/** The command of the conformance suite. */
import { REPORT_FORMATS } from '../../conformance/framework/reporters/formats.ts';
import { UsageError } from '../command.ts';
import { defineCommand } from '../definition.ts';
import { parseBytes } from '../../words/sizes.ts';
import { against, asic, backend, nonEmpty, part, profile, wholeFrom, xnackOff } from './shared.ts';

function vramBytes(text: string): number {
  const bytes = parseBytes(text);
  if (bytes !== undefined && bytes % 4096n === 0n && bytes <= 1n << 40n) return Number(bytes);
  throw new UsageError(`expected a multiple of 4096 bytes, like 64M or 1G, got "${text}"`);
}

const file = { value: 'FILE', completes: 'files', parse: nonEmpty('the name of a file') } as const;
const [CHOICE, WATCH, REPORTS] = ['Which cases', 'How they are run', 'Reports'];

export const conformance = defineCommand({
  name: 'conformance',
  summary: 'run the conformance suite on a GPU or on the emulator',
  usage: ['[QUERY...] [OPTION...]', '--merge REPORT.json...'],
  description: [
    'Runs cases on the device that SvmDevice.open() would take, or the one you name, and reports them. QUERY is GROUP:CASE:PARAMETERS, each part may be "*": "uapi,*", "attributes,split:*", "uapi,arguments:alignment:offset=512;*". Without one, all cases (docs/conformance.md).',
  ],
  operands: 'files',
  options: {
    backend,
    node: { help: 'render node; once more for a second GPU', value: 'PATH', multiple: true, completes: 'files' },
    profile: profile('revision of the user ABI and the driver'),
    'xnack-off': xnackOff,
    asic: { ...asic, help: 'emulated GPU, default gfx942' },
    vram: {
      help: 'memory of each emulated GPU for the cases that do not say it; pages move there with --profile v8',
      value: 'BYTES',
      parse: vramBytes,
    },
    list: {
      help: 'print the ids of the cases and run nothing; with --json one object per line, with title, source and needs',
      group: CHOICE,
    },
    exclude: {
      help: 'leave these cases out; may be given several times',
      value: 'QUERY',
      multiple: true,
      group: CHOICE,
    },
    shard: {
      help: 'part I of N; the parts of one run are joined by --merge',
      value: 'I/N',
      parse: part,
      group: CHOICE,
    },
    expectations: {
      ...file,
      help: 'JSON list of { query, expect: "fail" | "flake" | "skip", reason }; what is expected to fail must fail',
      group: WATCH,
    },
    'expect-skips': {
      ...file,
      help: 'JSON list of { skip: feature | "not implemented" | "*", query, reason }: what these are about must be skipped, and nothing else may be',
      group: WATCH,
    },
    'fail-on-skip': { help: "a case that the device can't run is a failure", group: WATCH },
    'expect-quirks': {
      help: 'a device that does not show the quirks of its revision fails, and so does one that shows a quirk that its revision has cured',
      group: WATCH,
    },
    seed: { help: 'chance of the cases, default 1', value: 'NUMBER', parse: wholeFrom(0), group: WATCH },
    repeat: {
      help: 'run every case N times, with the next seed each time',
      value: 'N',
      parse: wholeFrom(1),
      group: WATCH,
    },
    'until-fail': {
      help: 'end at the first case that is not as expected; without --repeat go on until then',
      group: WATCH,
    },
    isolate: {
      help: 'a process for each group, and one for each case with GPU work: a crash or a hang costs one case; the default on a kernel',
      group: WATCH,
    },
    'no-isolate': { help: 'all cases in this process', group: WATCH },
    timeout: { help: 'time for one case, default 30000', value: 'MS', parse: wholeFrom(1), group: WATCH },
    against: {
      ...against,
      help: 'run the cases on the emulator, as far as traces can say them, and the same operations on another implementation, which answers as docs/fuzz.md says; with --timeout MS for one answer',
      group: WATCH,
    },
    record: {
      help: 'write each case as a trace; "replay --check" and "diff" compare devices',
      value: 'DIR',
      completes: 'folders',
      parse: nonEmpty('a folder'),
      group: REPORTS,
    },
    reporter: {
      help: `${REPORT_FORMATS.join(', ')}; default human. Several may write at once, one of them to standard output; what is known while it runs is in FILE.journal`,
      value: 'NAME[=FILE]',
      multiple: true,
      group: REPORTS,
    },
    json: { help: 'the same as --reporter json', group: REPORTS },
    durations: {
      help: 'put times into all reports, which then differ from run to run; JUnit always has them',
      group: REPORTS,
    },
    'junit-failures-only': { help: 'JUnit has only the cases that are not as expected', group: REPORTS },
    compare: {
      ...file,
      value: 'OLD.json',
      help: 'say what has changed since an earlier report: regressions, fixed, new. What failed there, too, does not make this run fail',
      group: REPORTS,
    },
    merge: {
      help: 'join the JSON reports of the shards of one run; a journal gives the report of a run that did not end',
      group: REPORTS,
    },
  },
  notes: [
    'Exit codes: 0 all as expected, or with --compare nothing worse; 1 failures; 2 wrong use; 3 a case crashed, the run did not come to its end, or a report cannot be written; 4 no capable device.',
  ],
  examples: [
    ['"uapi,*"', 'one part of the suite'],
    ['--profile v8 --reporter junit=junit.xml', 'for CI'],
    ['--shard 1/2 --reporter json=1.json', 'half of it'],
    [
      '--reporter github-actions --compare main.json',
      'annotations of a pull request, which fails only for what it breaks',
    ],
  ],
});
