/** The programs that the benchmark runs. */
import { spawnSync } from 'node:child_process';
import type { SpawnSyncOptions } from 'node:child_process';
import path from 'node:path';

/** The built command `amdgpu-svm`; `root`: the folder of the package. */
export function builtCommand(root: string): string {
  return path.join(root, 'dist', 'lib', 'cli', 'main.js');
}

/** Runs a program to its end; what it printed. Throws where it fails. */
export function outputOf(command: string, args: readonly string[], options: SpawnSyncOptions = {}): string {
  const result = spawnSync(command, args, { ...options, encoding: 'utf8' });
  if (result.status !== 0)
    throw new Error(`${command} ${args.join(' ')} failed: ${result.error?.message ?? result.stderr}`);
  return result.stdout;
}
