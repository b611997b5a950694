/** `amdgpu-svm diff`: where two recordings of the same program part, or two revisions of the driver. */
import { compareRecordings } from '../trace/compare/diff.ts';
import type { RecordingDifference } from '../trace/compare/diff.ts';
import { readTraceFile } from '../trace/format/read-trace.ts';
import type { TraceLine } from '../trace/format/parse-trace.ts';
import { stateAfter, statesLines } from '../trace/replay/snapshot.ts';
import { ExitCode, readArguments, UsageError } from './command.ts';
import type { Command } from './command.ts';
import { bold, print, toJson } from './output.ts';
import { diffProfiles } from './diff-profiles.ts';
import { PROFILE_NAMES, readOptions, SIZE_HELP, SIZE_OPTION } from './options.ts';

const OPTIONS = { profiles: { type: 'string' }, json: { type: 'boolean', default: false }, ...SIZE_OPTION } as const;

export const diffCommand: Command = {
  name: 'diff',
  synopsis: 'A B [--json] | --profiles P,Q FILE [--json]',
  help: `Compares two recordings of the same program, for instance of "conformance --record" on a GPU and on
the emulator, and prints the first operation that was answered otherwise (or that only one of them
has), and the state that the operations of each recording lead to on the emulator. Addresses that the
system chose are compared by mapping and offset; effects only where both recordings have them.

With --profiles it runs one trace, whose recorded answers are not looked at, on emulated machines of two
revisions (${PROFILE_NAMES}), and prints every operation that goes otherwise, with the rule
behind it, and the state at the end. The machine of v7-xnack-off has its retry faults switched off.

  --profiles P,Q   the revisions
  --json    the comparison as one object
  ${SIZE_HELP}

Exit codes: 0 the same, 1 different, 2 wrong input.`,
  async run(args) {
    const { values, positionals } = readArguments('diff', args, OPTIONS, true);
    if (values.profiles !== undefined) return diffProfiles(values.profiles, positionals, values);
    const [fileA, fileB] = positionals;
    if (fileA === undefined || fileB === undefined || positionals.length > 2)
      throw new UsageError('diff: expected two recordings, A and B; see amdgpu-svm diff --help');
    const size = readOptions('diff', values);
    const a = readTraceFile(fileA, size);
    const b = readTraceFile(fileB, size);
    const { operations, effects, difference } = compareRecordings(a, b);
    if (values.json) {
      const found =
        difference === undefined
          ? null
          : { ...difference, lineA: difference.lineA?.line, lineB: difference.lineB?.line };
      print(toJson({ identical: difference === undefined, operations, effects, difference: found }));
    } else if (difference === undefined) {
      print(
        `the same: ${operations} operations${effects ? ', answers and effects' : ', answers (one recording has no effects)'}`,
      );
    } else {
      explain(difference, operations);
      printState(`state of A, ${fileA}`, a, difference.lineA);
      printState(`state of B, ${fileB}`, b, difference.lineB);
    }
    return difference === undefined ? ExitCode.ok : ExitCode.failure;
  },
};

const AGREEMENTS = {
  A: 'the emulator answers like A',
  B: 'the emulator answers like B',
  both: 'the emulator gives each answer for its own recording',
  neither: 'the emulator gives neither answer',
};

function explain({ kind, operation, path, a, b, lineA, lineB, emulator }: RecordingDifference, same: number): void {
  print(
    `${same} operations are the same; operation ${operation} differs (A line ${lineA?.line ?? '-'}, B line ${lineB?.line ?? '-'})`,
  );
  if (kind === 'end') {
    print(`  only in ${lineA === undefined ? 'B' : 'A'}: ${toJson((lineA ?? lineB)!.source)}`);
    return;
  }
  if (kind === 'operation') {
    print(`  A: ${toJson(lineA!.source)}`);
    print(`  B: ${toJson(lineB!.source)}`);
  } else {
    print(`  ${toJson(lineB!.source)}`);
  }
  print(`  ${path === '' ? kind : path}: A ${toJson(a) ?? 'nothing'}, B ${toJson(b) ?? 'nothing'}`);
  if (kind === 'answer') print(`  ${AGREEMENTS[emulator]}`);
}

/** The state after `line` (or after the last one). */
function printState(title: string, lines: readonly TraceLine[], line: TraceLine | undefined): void {
  const count = line === undefined ? lines.length : lines.filter((each) => each.line <= line.line).length;
  print();
  print(bold(`${title}, after line ${lines[count - 1]!.line}`));
  try {
    for (const each of statesLines(stateAfter(lines, count))) print(`  ${each}`);
  } catch (error) {
    // An operation that the emulator refuses by name: the comparison stands all the same.
    print(`  can't be shown: ${(error as Error).message}`);
  }
}
