/** `amdgpu-svm record`: runs a program with AMDGPU_SVM_RECORD set. */
import { resolve } from 'node:path';
import { runProgram } from './child.ts';
import type { Command } from './command.ts';
import { UsageError } from './command.ts';

export const recordCommand: Command = {
  name: 'record',
  synopsis: 'FILE -- COMMAND [ARGUMENT...]',
  help: `Runs COMMAND with AMDGPU_SVM_RECORD=FILE, so that every SvmDevice it opens is recorded in the
trace format: GPUs of one machine together, others to FILE with ".2" before its ending, and so on
("%p" in FILE becomes the process id). The exit code is that of COMMAND. For what each call of HSA or HIP
causes, readable at once, see amdgpu-svm run --trace.`,
  async run(args) {
    const [file, separator, command, ...rest] = args;
    if (file === undefined || file.startsWith('-') || separator !== '--' || command === undefined) {
      throw new UsageError('record: expected FILE -- COMMAND [ARGUMENT...]; see amdgpu-svm record --help');
    }
    return runProgram('record', command, rest, { AMDGPU_SVM_RECORD: resolve(file) });
  },
};
