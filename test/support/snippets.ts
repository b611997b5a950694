/** The code blocks of the documents: where they are, in which language, and what is said about running them. */
import fs from 'node:fs';
import path from 'node:path';
import { root } from './package-support.ts';

export interface Snippet {
  /** 'docs/api.md:8', where the block begins. */
  readonly place: string;
  /** What follows the fence, '' if nothing does. */
  readonly language: string;
  readonly text: string;
  /** Why it is not run, of `<!-- not run: REASON -->` above it; undefined for what runs. */
  readonly notRun: string | undefined;
  /** NAME of `<!-- output: NAME -->` or `<!-- example: NAME -->` above it. */
  readonly output: string | undefined;
  readonly example: string | undefined;
}

/** Documents whose code people paste. The specification and the findings hold formats and traces, which other tests read. */
export function documents(): readonly string[] {
  const pages = fs.readdirSync(path.join(root, 'docs')).filter((name) => name.endsWith('.md'));
  return ['README.md', 'CONTRIBUTING.md', ...pages.sort().map((name) => `docs/${name}`)];
}

function snippetsOf(document: string): Snippet[] {
  const snippets: Snippet[] = [];
  const lines = fs.readFileSync(path.join(root, document), 'utf8').split('\n');
  for (let at = 0; at < lines.length; at++) {
    const fence = /^```(\w*)$/.exec(lines[at]!);
    if (fence === null) continue;
    const end = lines.indexOf('```', at + 1);
    if (end < 0) throw new Error(`${document}:${at + 1}: a code block without an end`);
    const mark = (name: string): string | undefined =>
      new RegExp(`^<!-- ${name}: (.+) -->$`).exec(lines[at - 1] ?? '')?.[1];
    snippets.push({
      place: `${document}:${at + 1}`,
      language: fence[1]!,
      text: `${lines.slice(at + 1, end).join('\n')}\n`,
      notRun: mark('not run'),
      output: mark('output'),
      example: mark('example'),
    });
    at = end;
  }
  return snippets;
}

export const allSnippets: readonly Snippet[] = documents().flatMap(snippetsOf);
