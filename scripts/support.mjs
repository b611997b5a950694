/**
 * What the scripts share: running programs, fingerprints of files, the lock.
 * Plain Node without dependencies, since `setup.mjs` runs before there are any.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Logs, the lock and half-made output; ignored by git. */
export const cacheFolder = path.join(root, '.cache');

/** A failure that its message explains in full: it is printed without a stack. */
export class ScriptError extends Error {}

/** Everything the scripts say goes to stderr: stdout belongs to the program they start. @param {string} line */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** Runs a script's main function; its result is the exit code. @param {() => number | void | Promise<number | void>} main */
export async function runMain(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    say(
      error instanceof ScriptError ? `error: ${error.message}` : String(error instanceof Error ? error.stack : error),
    );
    process.exitCode = 1;
  }
}

/** Whether this module is the one that Node was started with. @param {string} url */
export function isMain(url) {
  return process.argv[1] !== undefined && fs.realpathSync(process.argv[1]) === fs.realpathSync(fileURLToPath(url));
}

/** Path of a file in an installed development dependency. @param {string} file */
export function dependency(file) {
  return path.join(root, 'node_modules', file);
}

/** @param {string} file */
export function readJson(file) {
  return JSON.parse(fs.readFileSync(file, 'utf8'));
}

/**
 * Runs a program with its output in a log file, for the steps that only matter when they fail.
 * @param {string} name of the log
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, shell?: boolean }} [options]
 * @returns {{ ok: boolean, output: string, log: string }}
 */
export function runLogged(name, command, args, options = {}) {
  fs.mkdirSync(cacheFolder, { recursive: true });
  const log = path.join(cacheFolder, `${name}.log`);
  const result = spawnSync(command, args, {
    cwd: root,
    env: options.env ?? process.env,
    shell: options.shell ?? false,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}${result.error ? messageOf(result.error) : ''}`;
  fs.writeFileSync(log, output);
  return { ok: result.status === 0, output, log: path.relative(process.cwd(), log) };
}

/**
 * Runs a program next to others and resolves with its exit code and all that it wrote.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, shell?: boolean }} [options]
 * @returns {Promise<{ code: number, output: string }>}
 */
export function runCollected(command, args, { env = process.env, shell = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, shell, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => (output += text));
    child.on('error', (error) => (output += messageOf(error)));
    child.on('close', (code) => resolve({ code: code ?? -1, output }));
  });
}

/**
 * As `runCollected`, of what has to end well: its output, or a ScriptError with that.
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
export async function runSuccessfully(command, args, env) {
  const { code, output } = await runCollected(command, args, env === undefined ? {} : { env });
  if (code !== 0) throw new ScriptError(`${[command, ...args].join(' ')}: ${output.trimEnd()}`);
  return output;
}

/**
 * Runs Node in the foreground and resolves with its exit code.
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
export function runNode(args, env) {
  return runProgram(process.execPath, args, env);
}

/**
 * @param {string} program
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>}
 */
function runProgram(program, args, env = process.env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env });
    // The terminal sends Ctrl-C to both; a supervisor signals only this process.
    const forward = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal);
    const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
    for (const signal of signals) process.on(signal, forward);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      for (const name of signals) process.off(name, forward);
      resolve(code ?? 128 + (os.constants.signals[/** @type {NodeJS.Signals} */ (signal)] ?? 0));
    });
  });
}

/**
 * The files under some paths of the repository, sorted, without hidden ones.
 * @param {string[]} paths
 * @param {(file: string) => boolean} accept
 * @returns {string[]} paths relative to the root, with '/'
 */
export function listFiles(paths, accept) {
  /** @type {string[]} */
  const files = [];
  const visit = (/** @type {string} */ name) => {
    const stat = fs.statSync(path.join(root, name), { throwIfNoEntry: false });
    if (stat?.isDirectory()) {
      for (const entry of fs.readdirSync(path.join(root, name))) {
        if (!entry.startsWith('.') && entry !== 'node_modules') visit(`${name}/${entry}`);
      }
    } else if (stat && accept(name)) files.push(name);
  };
  for (const name of paths) visit(name);
  return files.sort();
}

/**
 * Names, sizes and times of files as one short text: it also changes when a file is added or removed.
 * @param {string[]} files
 * @param {string[]} [extra]
 */
export function fingerprint(files, extra = []) {
  const hash = createHash('sha256');
  for (const text of extra) hash.update(`${text}\0`);
  for (const file of files) {
    const { size, mtimeMs } = fs.statSync(path.join(root, file));
    hash.update(`${file}\0${size}\0${mtimeMs}\0`);
  }
  return hash.digest('hex');
}

/** Content of a file, or undefined if there is none. @param {string} file */
export function readIfThere(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** @param {number} pid */
function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/**
 * Runs `action` while no other process of this checkout is in here. The lock is a file with the
 * owner's pid, linked into place so that it never exists without its content.
 * @template T
 * @param {() => T} action
 * @param {string} [name] that of a lock of its own, for what the others do not read
 * @returns {T}
 */
export function withLock(action, name = 'lock') {
  fs.mkdirSync(cacheFolder, { recursive: true });
  const lock = path.join(cacheFolder, name);
  const mine = path.join(cacheFolder, `${name}.${process.pid}`);
  const nap = new Int32Array(new SharedArrayBuffer(4));
  fs.writeFileSync(mine, String(process.pid));
  try {
    for (let announced = false; ;) {
      try {
        fs.linkSync(mine, lock);
        break;
      } catch (error) {
        if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
      }
      const owner = readIfThere(lock);
      if (owner === undefined) continue;
      if (!isRunning(Number(owner))) {
        removeDeadLock(lock, owner);
        continue;
      }
      if (!announced) say(`setup: waiting for the set-up of process ${owner}`);
      announced = true;
      Atomics.wait(nap, 0, 0, 100);
    }
    try {
      return action();
    } finally {
      fs.rmSync(lock, { force: true });
    }
  } finally {
    fs.rmSync(mine, { force: true });
  }
}

/** Two waiters may find the same dead owner; the second one must not take the first one's new lock. @param {string} lock @param {string} owner */
function removeDeadLock(lock, owner) {
  const aside = `${lock}.dead.${process.pid}`;
  try {
    fs.renameSync(lock, aside);
    if (readIfThere(aside) !== owner) fs.linkSync(aside, lock);
  } catch {
    // Another waiter was faster.
  }
  fs.rmSync(aside, { force: true });
}
