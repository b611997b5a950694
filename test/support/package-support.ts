/** What the tests of the package share: programs to run, files to write. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

export const root: string = path.join(import.meta.dirname, '../..');

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, for messages and for searching. */
  readonly output: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a program to its end; a failure is a result, not an exception. */
export function run(
  command: string,
  args: readonly string[],
  { cwd = root, env = process.env }: RunOptions = {},
): Promise<Run> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd, env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr, output: `${stdout}${stderr}${code === -1 ? String(error) : ''}` });
    });
  });
}

export function runNode(args: readonly string[], options?: RunOptions): Promise<Run> {
  return run(process.execPath, args, options);
}

export function tool(file: string): string {
  return path.join(root, 'node_modules', file);
}

/** Writes files, given by their path below `folder`, and the folders that they need. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }
}

/** All files below a folder, sorted, with '/'. */
export function filesBelow(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}

/** Brings dist/ up to date, for a test run that didn't start with `npm test`. */
export async function ensureDist(): Promise<void> {
  const build = await runNode(['scripts/build.mjs', '--if-stale']);
  if (build.code !== 0) throw new Error(build.output);
}
