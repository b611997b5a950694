/** The development dependencies, as the lockfile has them. */
import fs from 'node:fs';
import path from 'node:path';
import { readIfThere, readJson, root, runLogged, say, ScriptError, withLock } from './support.mjs';

/** @typedef {{ version?: string, integrity?: string, optional?: boolean, link?: boolean }} LockedPackage */

/** Compares the lockfile with the record that npm leaves of what it has installed. */
function dependenciesAreStale() {
  const record = readIfThere(path.join(root, 'node_modules', '.package-lock.json'));
  if (record === undefined) return true;
  /** @type {Record<string, LockedPackage>} */
  const installed = JSON.parse(record).packages;
  /** @type {Record<string, LockedPackage>} */
  const locked = readJson(path.join(root, 'package-lock.json')).packages;
  delete locked[''];
  if (Object.keys(installed).some((name) => !(name in locked))) return true;
  return Object.entries(locked).some(([name, { version, integrity, optional }]) => {
    const present = installed[name];
    // Packages for other platforms are in the lockfile only.
    if (present === undefined) return !optional;
    return present.version !== version || present.integrity !== integrity;
  });
}

/** How to start npm: the one that runs this script, the one next to Node, or the one in the PATH. @returns {{ command: string, args: string[], shell: boolean }} */
export function findNpm() {
  const prefix = path.dirname(path.dirname(fs.realpathSync(process.execPath)));
  const candidates = [
    process.env.npm_execpath ?? '',
    path.join(prefix, 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    path.join(path.dirname(process.execPath), 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  ];
  const cli = candidates.find((file) => path.basename(file) === 'npm-cli.js' && fs.existsSync(file));
  if (cli !== undefined) return { command: process.execPath, args: [cli], shell: false };
  return { command: 'npm', args: [], shell: process.platform === 'win32' };
}

function installDependencies() {
  say('setup: installing the development dependencies (npm ci)');
  const npm = findNpm();
  // No install scripts: nothing here needs one. --include=dev: NODE_ENV=production would leave the tools out.
  const args = [...npm.args, 'ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = runLogged('npm-ci', npm.command, args, { shell: npm.shell });
  if (result.ok) return;
  const reason =
    /^npm error (?!code\b)(?!A complete log)(.+)$/m.exec(result.output)?.[1] ?? result.output.trim().split('\n').at(-1);
  throw new ScriptError(
    `npm ci failed: ${reason || 'no output'} (log: ${result.log}); check the network and the registry, then run \`npm ci\``,
  );
}

/** Installs the development dependencies unless they are those of the lockfile. */
export function ensureDependencies() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    throw new ScriptError(`Node 20.19 or newer is needed, this is ${process.version}`);
  // Checked again under the lock: another process may have installed them meanwhile.
  if (dependenciesAreStale()) withLock(() => dependenciesAreStale() && installDependencies());
}
