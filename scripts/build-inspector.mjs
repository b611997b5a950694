#!/usr/bin/env node
/**
 * Builds the inspector's page: one HTML file with everything in it, since it also has to work as a
 * report that somebody opens from a folder.
 *
 *   node scripts/build-inspector.mjs OUTPUT   OUTPUT: the folder that becomes dist/
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { isMain, root, runMain } from './support.mjs';
import { noticeOf } from './third-party.mjs';

const pageFolder = 'lib/inspect/page';

/** Content-Security-Policy of the page: it loads nothing from anywhere, and runs this script alone. @param {string} script */
function policyFor(script) {
  const hash = createHash('sha256').update(script).digest('base64');
  return `default-src 'none'; script-src 'sha256-${hash}'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'`;
}

/** A text as a comment of HTML, which ends at "--". @param {string} text */
function comment(text) {
  return `<!--\n${text.trim().replaceAll('--', '- -')}\n-->`;
}

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
  const text = script.trim().replaceAll('</script', '<\\/script').replaceAll('\r\n', '\n');
  const notice = comment(`${noticeOf('preact')}\n${noticeOf('@tanstack/virtual-core')}`);
  const page = html
    .replace(/<script\b[^>]*><\/script>\s*/g, '')
    .replace(/<link rel="stylesheet"[^>]*>\s*/g, '')
    .replace('<meta charset="utf-8">', () => `<meta charset="utf-8">\n    ${notice}\n    <meta http-equiv="Content-Security-Policy" content="${policyFor(text)}">`)
    .replace('</head>', () => `<style>${style.trim()}</style>\n  </head>`)
    .replace('</body>', () => `<script type="module">${text}</script>\n  </body>`);
  const folder = path.join(output, 'lib', 'inspect');
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'page.html'), page);
}

if (isMain(import.meta.url)) await runMain(() => buildInspectorPage(process.argv[2] ?? path.join(root, 'dist')));
