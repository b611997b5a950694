/** The built page, with traces put into it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../backend/package-root.ts';

/** A trace to show: its text and the name of its file. */
export interface InspectedTrace {
  readonly name: string;
  readonly text: string;
}

const PLACE = '<!--trace-->';

/** The page as one self-contained HTML file; it shows the trace, or compares two. Throws if the package was not built. */
export function inspectorPage(traces: readonly InspectedTrace[] = []): string {
  const root = packageRoot();
  if (root === undefined)
    throw Object.assign(new Error('inspect: the folder of the package is not known'), { code: 'ERR_SVM_NO_PACKAGE' });
  const page = readFileSync(join(root, 'dist', 'lib', 'inspect', 'page.html'), 'utf8');
  return page.replace(PLACE, () => traces.map(element).join(''));
}

function element({ name, text }: InspectedTrace): string {
  // In a script element only "</script" and "<!--" have a meaning; "<" as an escape has none.
  const json = JSON.stringify({ name, text }).replaceAll('<', '\\u003c');
  return `<script class="trace" type="application/json">${json}</script>`;
}
