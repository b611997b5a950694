/** The pages of a folder of traces: a list of them, and each trace at its number. */
import type { PageSource } from './server.ts';

/** A trace of the list; `page` makes its page when somebody looks, and throws what is wrong with it. */
export interface ListedTrace {
  readonly name: string;
  /** Bytes of the file, in words. */
  readonly size: string;
  readonly page: () => string;
}

/** Pages of `traces`, which lie in a folder that is called `folder`. */
export function folderPages(folder: string, traces: readonly ListedTrace[]): PageSource {
  return (place) => {
    if (place === '') return listPage(folder, traces);
    const trace = /^\d{1,9}\/$/.test(place) ? traces[Number(place.slice(0, -1))] : undefined;
    return trace === undefined ? undefined : tracePage(trace);
  };
}

/** A trace that cannot be read is reported where it was looked for: the others can still be seen. */
function tracePage({ name, page }: ListedTrace): string {
  try {
    return page();
  } catch (error) {
    return document(
      name,
      `<h1>${escaped(name)}</h1><p>${escaped((error as Error).message)}</p><p><a href="../">All traces</a></p>`,
    );
  }
}

function listPage(folder: string, traces: readonly ListedTrace[]): string {
  const rows = traces.map(
    ({ name, size }, index) => `<tr><td><a href="${index}/">${escaped(name)}</a></td><td>${escaped(size)}</td></tr>`,
  );
  return document(folder, `<h1>${escaped(folder)}</h1><table>${rows.join('')}</table>`);
}

const STYLE = `:root{color-scheme:light dark}body{font:15px/1.6 system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em}
h1{font-size:1.3em;overflow-wrap:anywhere}td{padding:.2em 1.5em .2em 0}td:last-child{text-align:right;white-space:nowrap}a{display:inline-block;min-height:24px}`;

function document(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title><style>${STYLE}</style></head><body>${body}</body></html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => ENTITIES[character]!);
}
