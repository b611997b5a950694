/** The programs that the benchmark runs. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { SpawnSyncOptions } from 'node:child_process';
import path from 'node:path';

/** The built command `amdgpu-svm`, as npm installs it; `root`: the folder of the package. */
export function builtCommand(root: string): string {
  const { bin } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    bin: { 'amdgpu-svm': string };
  };
  return path.join(root, bin['amdgpu-svm']);
}

/** Runs a program to its end; what it printed. Throws where it fails. */
export function outputOf(command: string, args: readonly string[], options: SpawnSyncOptions = {}): string {
  const result = spawnSync(command, args, { ...options, encoding: 'utf8' });
  if (result.status !== 0)
    throw new Error(`${command} ${args.join(' ')} failed: ${result.error?.message ?? result.stderr}`);
  return result.stdout;
}
