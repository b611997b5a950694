/** Parts of documents that are made from data: between `<!-- NAME: made from ... -->` and `<!-- end of NAME -->`. */
import fs from 'node:fs';
import { expect } from 'vitest';

/** Holds a part against what it has to be; with UPDATE_DOCS=1 in the environment it is written first. */
export function expectGenerated(file: string, name: string, text: string): void {
  const url = new URL(`../../docs/${file}`, import.meta.url);
  const document = fs.readFileSync(url, 'utf8');
  const [begin, end] = [
    new RegExp(`<!-- ${name}: [^>]* -->\n`).exec(document),
    document.indexOf(`<!-- end of ${name} -->`),
  ];
  if (begin === null || end < 0) throw new Error(`docs/${file} has no part ${name}`);
  const start = begin.index + begin[0].length;
  if (process.env['UPDATE_DOCS'] === '1')
    fs.writeFileSync(url, `${document.slice(0, start)}\n${text}\n\n${document.slice(end)}`);
  else expect(document.slice(start, end).trim(), `docs/${file}: run this test with UPDATE_DOCS=1`).toBe(text);
}

/** Rows as a Markdown table; the first row is the head. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(rows[0]!), line(rows[0]!.map(() => '---')), ...rows.slice(1).map(line)].join('\n');
}
