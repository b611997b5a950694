#!/usr/bin/env node
/**
 * What npm runs before it packs: dist/ is brought up to date. Binaries are made by `npm run
 * build:prebuilds` alone, so a tarball without them, or with those of other sources, is not made in silence.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { IS_PLACEHOLDER } from './project-urls.mjs';
import { root, runMain, say, ScriptError } from './support.mjs';

/** What became of each binary for this machine. @returns {Promise<{ path: string, outcome: string }[]>} */
async function triedBinaries() {
  const { findNativeAddon } = await import(pathToFileURL(path.join(root, 'dist/lib/backend/native-addon.js')).href);
  const { support } = findNativeAddon({ root, environment: {} });
  return support.tried.filter((/** @type {{ path: string }} */ one) =>
    one.path.startsWith(path.join(root, 'prebuilds')),
  );
}

await runMain(async () => {
  const build = spawnSync(process.execPath, [path.join(root, 'scripts/build.mjs'), '--if-stale'], { stdio: 'inherit' });
  if (build.status !== 0) throw new ScriptError('dist/ could not be built');
  if (IS_PLACEHOLDER) say('prepack: homepage, bugs and repository are placeholders; see scripts/project-urls.mjs');
  if (!fs.existsSync(path.join(root, 'prebuilds'))) {
    say(
      'prepack: there is no binary in prebuilds/, who installs this has to compile the addon; see "Binaries of a release" in docs/packaging.md',
    );
    return;
  }
  const foreign = (await triedBinaries()).find(({ outcome }) => outcome.startsWith('is another version'));
  if (foreign !== undefined) throw new ScriptError(`${foreign.path} ${foreign.outcome}; run npm run build:prebuilds`);
});
