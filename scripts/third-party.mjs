#!/usr/bin/env node
/**
 * THIRD_PARTY: the licences of what is bundled into dist/, which is Preact in the inspector's page.
 * The page itself and every report made of it carry the same text.
 *
 *   node scripts/third-party.mjs           writes the file
 *   node scripts/third-party.mjs --check   fails if it is not up to date
 */
import fs from 'node:fs';
import path from 'node:path';
import { dependency, isMain, readJson, root, runMain, ScriptError } from './support.mjs';

/** Packages whose code is in dist/. */
const bundled = ['preact'];

export const thirdPartyFile = path.join(root, 'THIRD_PARTY');

/** The text of THIRD_PARTY. */
export function thirdPartyNotice() {
  return bundled
    .map((name) => {
      const { version, homepage } = readJson(dependency(`${name}/package.json`));
      const licence = fs.readFileSync(dependency(`${name}/LICENSE`), 'utf8').trim();
      return `The inspector's page contains ${name} ${version} (${homepage}):\n\n${licence}\n`;
    })
    .join('\n');
}

if (isMain(import.meta.url)) {
  await runMain(() => {
    if (!process.argv.includes('--check')) return fs.writeFileSync(thirdPartyFile, thirdPartyNotice());
    if (fs.readFileSync(thirdPartyFile, 'utf8') !== thirdPartyNotice())
      throw new ScriptError('THIRD_PARTY is not up to date; run node scripts/third-party.mjs');
  });
}
