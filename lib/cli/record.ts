/** `amdgpu-svm record`: runs a program with AMDGPU_SVM_RECORD set. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { resolve } from 'node:path';
import { ExitCode } from './command.ts';
import type { Command } from './command.ts';
import { complain } from './output.ts';
import { UsageError } from './usage-error.ts';

export const recordCommand: Command = {
  name: 'record',
  synopsis: 'FILE -- COMMAND [ARGUMENT...]',
  summary: 'run a program and record what its SvmDevice is asked and answers',
  help: `Runs COMMAND with AMDGPU_SVM_RECORD=FILE, so that every SvmDevice it opens is recorded in the
trace format (the second one to FILE with ".2" before its ending, and so on; "%p" in FILE
becomes the process id). The exit code is that of COMMAND.`,
  async run(args) {
    const [file, separator, command, ...rest] = args;
    if (file === undefined || file.startsWith('-') || separator !== '--' || command === undefined) {
      throw new UsageError('record: expected FILE -- COMMAND [ARGUMENT...]; see amdgpu-svm record --help');
    }
    const child = spawn(command, rest, { stdio: 'inherit', env: { ...process.env, AMDGPU_SVM_RECORD: resolve(file) } });
    return new Promise((settle) => {
      child.on('error', (error) => {
        complain(`amdgpu-svm record: ${command} can't be started: ${error.message}`);
        settle(ExitCode.infrastructure);
      });
      // A program that a signal ended is reported as a shell does.
      child.on('exit', (code, signal) => settle(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  },
};
