#!/usr/bin/env node
/** The `amdgpu-svm` command. */
import { watchOutput } from './output.ts';
import { runCommand } from './run-command.ts';

watchOutput();

void runCommand(process.argv.slice(2)).then((code) => (process.exitCode = code));
