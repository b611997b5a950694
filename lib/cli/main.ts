#!/usr/bin/env node
/** The `amdgpu-svm` command. */
import { watchOutput } from './output.ts';
import { runCommand } from './run-command.ts';

watchOutput();

process.exitCode = await runCommand(process.argv.slice(2));
