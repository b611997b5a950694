/**
 * The built command in the process of the test. Only what a process has of its own - signals, pipes, the exit code, programs
 * that it starts with its output - needs a real one.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureDist, root } from './package-support.ts';
import type { Run } from './package-support.ts';

/** Variables that choose a backend or write files; a test that wants one names it. */
const CLEARED = ['AMDGPU_SVM_BACKEND', 'AMDGPU_SVM_NODE', 'AMDGPU_SVM_KFD', 'AMDGPU_SVM_RECORD', 'AMDGPU_SVM_TRACE'];

/** What is built is loaded by Node itself, in a tenth of the time that the sources take under a test runner. */
const loaded = ensureDist().then(async () => {
  const file = path.join(root, 'dist/lib/cli/run-command.js');
  return (await import(/* @vite-ignore */ pathToFileURL(file).href)) as typeof import('../../lib/cli/run-command.ts');
});

let last: Promise<unknown> = Promise.resolve();

/** Runs `amdgpu-svm ARGS` with these variables, after the calls before it, and gives what it wrote. */
export function runHere(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Run> {
  const run = last.then(() => runNow(args, environment));
  last = run.catch(() => undefined);
  return run;
}

async function runNow(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<Run> {
  const { runCommand } = await loaded;
  const before = { ...process.env };
  const [stdout, stderr]: [string[], string[]] = [[], []];
  const restore = [capture(process.stdout, stdout), capture(process.stderr, stderr)];
  try {
    for (const name of CLEARED) delete process.env[name];
    Object.assign(process.env, { NO_COLOR: '1', ...environment });
    const code = await runCommand(args);
    return { code, stdout: stdout.join(''), stderr: stderr.join(''), output: [...stdout, ...stderr].join('') };
  } finally {
    for (const each of restore) each();
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  }
}

/** Collects what is written to a stream, until the function that it returns is called. */
function capture(stream: NodeJS.WriteStream, into: string[]): () => void {
  const { write } = stream;
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    into.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
    const done = rest.at(-1);
    if (typeof done === 'function') (done as () => void)();
    return true;
  };
  return () => {
    stream.write = write;
  };
}
