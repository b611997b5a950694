/** `amdgpu-svm diff`: where two recordings of the same program part, or two revisions of the driver. */
import { compareRecordings } from '../trace/compare/diff.ts';
import type { RecordingDifference } from '../trace/compare/diff.ts';
import { readTraceFile } from '../trace/format/read-trace.ts';
import type { TraceLine } from '../trace/format/parse-trace.ts';
import { stateAfter, statesLines } from '../trace/replay/snapshot.ts';
import { ExitCode, UsageError } from './command.ts';
import type { diff as diffDefinition } from './commands/traces.ts';
import type { InputOf } from './definition.ts';
import { bold, print, toJson } from './output.ts';
import { diffProfiles } from './diff-profiles.ts';
import { readOptions } from './options.ts';
import { counted } from '../words/counted.ts';

export function runDiff({ values, operands }: InputOf<typeof diffDefinition>): ExitCode {
  if (values.profiles !== undefined) return diffProfiles(values.profiles, operands, values);
  const [fileA, fileB] = operands;
  if (fileA === undefined || fileB === undefined || operands.length > 2)
    throw new UsageError('diff: expected two recordings, A and B; see amdgpu-svm diff --help');
  const size = readOptions(values);
  const a = readTraceFile(fileA, size);
  const b = readTraceFile(fileB, size);
  const { operations, effects, difference } = compareRecordings(a, b);
  if (values.json) {
    const found =
      difference === undefined ? null : { ...difference, lineA: difference.lineA?.line, lineB: difference.lineB?.line };
    print(toJson({ identical: difference === undefined, operations, effects, difference: found }));
  } else if (difference === undefined) {
    print(
      `the same: ${counted(operations, 'operation')}${effects ? ', answers and effects' : ', answers (one recording has no effects)'}`,
    );
  } else {
    explain(difference, operations);
    printState(`state of A, ${fileA}`, a, difference.lineA);
    printState(`state of B, ${fileB}`, b, difference.lineB);
  }
  return difference === undefined ? ExitCode.ok : ExitCode.failure;
}

const AGREEMENTS = {
  A: 'the emulator answers like A',
  B: 'the emulator answers like B',
  both: 'the emulator gives each answer for its own recording',
  neither: 'the emulator gives neither answer',
};

function explain({ kind, operation, path, a, b, lineA, lineB, emulator }: RecordingDifference, same: number): void {
  print(
    `${same === 1 ? '1 operation is' : `${same} operations are`} the same; operation ${operation} differs (A line ${lineA?.line ?? '-'}, B line ${lineB?.line ?? '-'})`,
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
