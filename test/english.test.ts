/** Phrases that are no English, or that no engineer would write, stay out of texts, messages and comments. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { filesBelow, root } from './support/package-support.ts';

/** What is not written, and what is written instead. */
const PHRASES: readonly (readonly [RegExp, string])[] = [
  [/^(?:<<<<<<<|>>>>>>>) /, 'nothing: a merge is unfinished'],
  [/\bfor ever\b/i, 'forever'],
  [/\bcan not\b(?! only)/i, 'cannot'],
  [/\bcan(?:'t|not) be had\b/, 'is not available'],
  [/\bstands? (?:in (?!for|the way)|at|there|behind|beside|on|twice|elsewhere)/, 'is, or are'],
  [
    /\b(?:pages?|words?|bytes?|holes?|parts?|those|intervals?|segments?|operations?|steps?) behind\b(?! `attrs)/,
    'after',
  ],
  [/\bbehind (?:the|its|their) (?:end|last|first)\b/, 'after, or past'],
  [/\b(?:clients|programs) that are not ours\b/, 'third-party programs'],
  [/\bsaid plainly\b|\bplainly said\b/, 'in short, or nothing'],
  [/\bso many as\b/, 'as many as'],
  [/\bno one of (?:them|these)\b/, 'none of them'],
  [/\b(?:one|object|event|operation|fact|each) a line\b/, 'per line'],
  [/\b(?:is|are) no error\b/, 'is not an error'],
  [/\bgoes? round that\b/, 'bypasses that'],
  [/\b(?:are|is) let go of\b/, 'is released'],
  [/\bshall\b/, 'is to, has to, or should'],
  [/\bamong it\b/, 'including'],
  [/\bare content\b/, 'work'],
  [/\bbeside (?:a|the|it|its|each|those|them|this|that|another|others)\b/, 'next to, or in addition to'],
  [/\b(?:made|makes|histories|SETs|numbers) by chance\b/i, 'random'],
  [/\banew\b/, 'again'],
  [/\bhold\w* \w[\w ]* against the model\b/, 'compare with the model'],
  [/\b(?:defect|difference|modelled|read) is told\b/, 'is reported'],
  [/\bthe (?:device|buffer|queues?) (?:works?|runs?) on[.,;:]/, 'keeps working, or running'],
];

/** Of others, generated, or full of identifiers of the kernel. */
const LEFT_OUT =
  /^(docs\/(spec|findings|reference|images)|test\/(vectors|schemas|english))|\/node_modules\/|^native\/build/;

const files = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'action.yml'],
  ...['docs', 'lib', 'emulator', 'native', 'scripts', 'bench', 'examples', 'test'].flatMap((folder) =>
    filesBelow(path.join(root, folder)).map((file) => `${folder}/${file}`),
  ),
].filter((file) => /\.(md|ts|tsx|mjs|cjs|cpp|h|c|py|yml)$/.test(file) && !LEFT_OUT.test(file));

it('has none of the phrases', () => {
  const found = files.flatMap((file) =>
    fs
      .readFileSync(path.join(root, file), 'utf8')
      .split('\n')
      .flatMap((line, index) =>
        PHRASES.filter(([phrase]) => phrase.test(line)).map(
          ([phrase, better]) => `${file}:${index + 1}: "${phrase.exec(line)![0]}": write ${better}`,
        ),
      ),
  );
  expect(found).toEqual([]);
  expect(files.length).toBeGreaterThan(500);
});
