/** The API reference has no gaps: what an entry point exports has a docstring, and so have the calls of exported classes. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from './support/package-support.ts';

const ENTRIES = [
  'lib/index.ts',
  'emulator/index.ts',
  'lib/hsa/index.ts',
  'lib/hip/index.ts',
  'lib/conformance/index.ts',
];

interface Exported {
  readonly name: string;
  readonly file: string;
}

/** Names that `file` exports, each with the file that declares it: re-exports are followed. */
function exportsOf(file: string): Exported[] {
  const text = fs.readFileSync(path.join(root, file), 'utf8');
  const from = (specifier: string): string => path.join(path.dirname(file), specifier);
  const stars = [...text.matchAll(/^export \* from '([^']+)';/gm)].flatMap(([, specifier]) =>
    exportsOf(from(specifier!)),
  );
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\} from '([^']+)';/gm)].flatMap(
    ([, names, specifier]) => {
      const source = exportsOf(from(specifier!));
      return names!
        .split(',')
        .map((each) => each.replace(/\btype /, '').trim())
        .filter((each) => each !== '')
        .flatMap((name) => {
          const found = source.filter((each) => each.name === name);
          if (found.length === 0) throw new Error(`${file}: where ${name} is declared was not found`);
          return found;
        });
    },
  );
  // What a file imports and then exports.
  const own = [...text.matchAll(/^export (?:type )?\{([^}]*)\};/gm)].flatMap(([, names]) =>
    names!
      .split(',')
      .map((each) => each.replace(/\btype /, '').trim())
      .flatMap((name) => {
        const source = new RegExp(`^import (?:type )?\\{[^}]*\\b${name}\\b[^}]*\\} from '([^']+)';`, 'm').exec(
          text,
        )?.[1];
        return source === undefined ? [] : exportsOf(from(source)).filter((each) => each.name === name);
      }),
  );
  const declared = [...text.matchAll(DECLARATION)].map(([, , name]) => ({ name: name!, file }));
  return [...stars, ...lists, ...own, ...declared];
}

/** The documented calls of interfaces: a class that implements one has its text. */
const ofInterfaces = new Set(
  ['lib/uapi/node.ts', 'lib/backend/queue.ts'].flatMap((file) =>
    [...fs.readFileSync(path.join(root, file), 'utf8').matchAll(/\*\/\n {2}(?:readonly )?(\w+)\??[(:]/g)].map(
      ([, name]) => name!,
    ),
  ),
);

const DECLARATION = /^export (?:abstract |async )?(class|interface|const|function\*?|type|let) (\w+)/gm;

/** Exported names of one file, and calls of its exported classes, that have no docstring. */
function gapsOf(file: string, names: ReadonlySet<string>): string[] {
  const lines = fs.readFileSync(path.join(root, file), 'utf8').split('\n');
  const documented = new Set<string>();
  const gaps: string[] = [];
  let owner: string | undefined;
  let implementing = false;
  lines.forEach((line, index) => {
    const hasDocumentation = lines[index - 1]?.endsWith('*/') === true;
    const [, kind, name] = [...line.matchAll(DECLARATION)][0] ?? [];
    if (name !== undefined && names.has(name)) {
      // A constant and the type of its name are one thing.
      if (hasDocumentation) documented.add(name);
      owner = kind === 'class' ? name : undefined;
      implementing = / implements /.test(line);
    } else if (/^\S/.test(line) && line !== '}') owner = undefined;
    if (owner === undefined || hasDocumentation) return;
    const call = /^ {2}(?:static |async |abstract |get )*(\[Symbol\.dispose\]|\w+)(?:<[^>]*>)?\(.*\{$/.exec(line)?.[1];
    if (call === undefined || ['constructor', 'if', 'for'].includes(call)) return;
    if (implementing && ofInterfaces.has(call)) return;
    // Of overloads the first has the text.
    if (lines[index - 1]?.trim().startsWith(call) !== true) gaps.push(`${file}:${index + 1}: ${owner}.${call}`);
  });
  const undocumented = [...names].filter((name) => !documented.has(name)).map((name) => `${file}: ${name}`);
  return [...undocumented, ...gaps];
}

describe.each(ENTRIES)('%s', (entry) => {
  it('exports nothing without a docstring', () => {
    const byFile = new Map<string, Set<string>>();
    const exported = exportsOf(entry);
    for (const { name, file } of exported) byFile.set(file, (byFile.get(file) ?? new Set()).add(name));
    expect([...byFile].flatMap(([file, names]) => gapsOf(file, names))).toEqual([]);
    expect(new Set(exported.map(({ name }) => name)).size).toBeGreaterThan(20);
  });
});
