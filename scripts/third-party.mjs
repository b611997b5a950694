#!/usr/bin/env node
/**
 * THIRD_PARTY: the licences of what is bundled into dist/: Preact and TanStack Virtual in the inspector's page, commander in the command.
 * The page itself and every report made of it carry the text of what they contain.
 *
 *   node scripts/third-party.mjs           writes the file
 *   node scripts/third-party.mjs --check   fails if it is not up to date
 */
import fs from 'node:fs';
import path from 'node:path';
import { dependency, isMain, readJson, root, runMain, ScriptError } from './support.mjs';

/** Packages whose code is in dist/, and what contains it. */
const bundled = {
  preact: "The inspector's page",
  '@tanstack/virtual-core': "The inspector's page",
  commander: 'The command',
};

export const thirdPartyFile = path.join(root, 'THIRD_PARTY');

/** The text for one of them. @param {keyof typeof bundled} name */
export function noticeOf(name) {
  const { version, homepage, repository } = readJson(dependency(`${name}/package.json`));
  const licence = fs.readFileSync(dependency(`${name}/LICENSE`), 'utf8').trim();
  const place = homepage ?? repository.url.replace(/^git\+|\.git$/g, '');
  return `${bundled[name]} contains ${name} ${version} (${place}):\n\n${licence}\n`;
}

/** The text of THIRD_PARTY. */
function thirdPartyNotice() {
  return /** @type {(keyof typeof bundled)[]} */ (Object.keys(bundled)).map(noticeOf).join('\n');
}

if (isMain(import.meta.url)) {
  await runMain(() => {
    if (!process.argv.includes('--check')) return fs.writeFileSync(thirdPartyFile, thirdPartyNotice());
    if (fs.readFileSync(thirdPartyFile, 'utf8') !== thirdPartyNotice())
      throw new ScriptError('THIRD_PARTY is not up to date; run node scripts/third-party.mjs');
  });
}
