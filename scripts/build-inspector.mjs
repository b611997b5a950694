#!/usr/bin/env node
/**
 * Builds the inspector's page: one HTML file with everything in it, since it also has to work as a
 * report that somebody opens from a folder.
 *
 *   node scripts/build-inspector.mjs OUTPUT   OUTPUT: the folder that becomes dist/
 */
import fs from 'node:fs';
import path from 'node:path';
import { dependency, isMain, readJson, root, runMain } from './support.mjs';

const pageFolder = 'lib/inspect/page';

/** Content-Security-Policy of the page: it loads nothing from anywhere. */
const policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:";

/** @param {string} output */
async function buildInspectorPage(output) {
  const { build } = await import('vite');
  const result = await build({
    configFile: false,
    root: path.join(root, pageFolder),
    logLevel: 'error',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: { write: false, target: 'es2022', modulePreload: false, assetsInlineLimit: Number.MAX_SAFE_INTEGER },
  });
  const files = /** @type {import('vite').Rolldown.RolldownOutput} */ (Array.isArray(result) ? result[0] : result).output;
  let html = '';
  let script = '';
  let style = '';
  for (const file of files) {
    if (file.type === 'chunk') script += file.code;
    else if (file.fileName.endsWith('.css')) style += file.source;
    else if (file.fileName.endsWith('.html')) html = String(file.source);
  }
  const { version, license } = readJson(dependency('preact/package.json'));
  const notice = `<!-- contains Preact ${version} (${license} licence), Copyright (c) 2015-present Jason Miller -->`;
  const page = html
    .replace(/<script\b[^>]*><\/script>\s*/g, '')
    .replace(/<link rel="stylesheet"[^>]*>\s*/g, '')
    .replace('<meta charset="utf-8">', () => `<meta charset="utf-8">\n    ${notice}\n    <meta http-equiv="Content-Security-Policy" content="${policy}">`)
    .replace('</head>', () => `<style>${style.trim()}</style>\n  </head>`)
    .replace('</body>', () => `<script type="module">${script.trim().replaceAll('</script', '<\\/script')}</script>\n  </body>`);
  const folder = path.join(output, 'lib', 'inspect');
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'page.html'), page);
}

if (isMain(import.meta.url)) await runMain(() => buildInspectorPage(process.argv[2] ?? path.join(root, 'dist')));
