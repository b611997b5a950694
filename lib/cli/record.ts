/** `amdgpu-svm record`: runs a program with AMDGPU_SVM_RECORD set. */
import { resolve } from 'node:path';
import { runProgram } from './child.ts';
import { UsageError } from './command.ts';
import type { record } from './commands/programs.ts';
import type { InputOf } from './definition.ts';

export async function runRecord({ operands, program }: InputOf<typeof record>): Promise<number> {
  const [file] = operands;
  const [command, ...rest] = program ?? [];
  if (file === undefined || file === '' || operands.length > 1 || command === undefined)
    throw new UsageError('record: expected FILE -- COMMAND [ARGUMENT...]; see amdgpu-svm record --help');
  return runProgram('record', command, rest, { AMDGPU_SVM_RECORD: resolve(file) });
}
