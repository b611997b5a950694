/** `amdgpu-svm record`: runs a program with AMDGPU_SVM_RECORD set. */
import { relative, resolve } from 'node:path';
import { findRecordings, recordingName, removeRecordings } from '../backend/recording-names.ts';
import { counted } from '../words/counted.ts';
import { runProgram } from './child.ts';
import { ExitCode, UsageError, writing } from './command.ts';
import type { record } from './commands/programs.ts';
import type { InputOf } from './definition.ts';
import { complain } from './output.ts';
import { assertReplaceable } from './replace-file.ts';

export async function runRecord({ operands, program }: InputOf<typeof record>): Promise<number> {
  const [file] = operands;
  const [command, ...rest] = program ?? [];
  if (file === undefined || file === '' || operands.length > 1 || command === undefined)
    throw new UsageError('record: expected FILE -- COMMAND [ARGUMENT...]; see amdgpu-svm record --help');
  const path = resolve(file);
  const before = prepareRecording(path);
  const code = await runProgram('record', command, rest, { AMDGPU_SVM_RECORD: path });
  const made = findRecordings(path).filter((each) => !before.has(each));
  if (made.length > 1)
    complain(
      `amdgpu-svm record: ${counted(made.length, 'recording')}: ${made.map((each) => relative('', each)).join(', ')}`,
    );
  // A pipe, for instance, was there before and is no recording.
  if (made.length > 0 || before.has(path)) return code;
  complain('amdgpu-svm record: nothing was recorded: the program opened no SvmDevice');
  return code === ExitCode.ok ? ExitCode.failure : code;
}

/**
 * Removes what an earlier run has recorded to `path`, and throws `OutputError` if nothing can be written there. Returns the files
 * that stay: with patterns in the name it is not known which of them are of an earlier run.
 */
export function prepareRecording(path: string): ReadonlySet<string> {
  const example = recordingName(path, { process: process.pid, thread: 0, device: 1 });
  writing(path, () => {
    assertReplaceable(example);
    if (example === path) removeRecordings(path);
  });
  return new Set(findRecordings(path));
}
