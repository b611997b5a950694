/** Commands in the documents exist, with their options, files and scripts; the steps for CI run. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from './support/after-file.ts';
import { ensureDist, root, run, writeFiles } from './support/package-support.ts';
import type { Run } from './support/package-support.ts';
import { allSnippets } from './support/snippets.ts';

/** Command lines that a reader would type: of blocks of commands, without what comments say. */
interface CommandLine {
  readonly place: string;
  readonly words: readonly string[];
}

const commandLines: readonly CommandLine[] = allSnippets
  .filter(({ language, output }) => ['', 'sh', 'yaml'].includes(language) && output === undefined)
  .flatMap(({ place, text }) =>
    text
      .replace(/\\\n\s*/g, ' ')
      .split('\n')
      .flatMap((line) =>
        line
          .replace(/^\s*\$ /, '')
          .replace(/(^|\s)#.*$/, '')
          .trim()
          // What a command does may be told next to it.
          .replace(/\s{2,}.*$/, '')
          .split(/ \| | && |; /),
      )
      .map((line) => /(?:^|\s)(amdgpu-svm|npm|npx vitest|node) +(.*)$/.exec(line.trim()))
      .filter((match) => match !== null)
      .map((match) => ({ place, words: [match[1]!, ...match[2]!.replaceAll('"', '').trim().split(/\s+/)] })),
  );

interface CommandRun {
  readonly args: readonly string[];
  readonly code: number;
  readonly printed: string;
}

/** Runs the command once for each list of arguments, in one process. */
function runCommands(lists: readonly (readonly string[])[]): CommandRun[] {
  const { stdout, stderr } = spawnSync(process.execPath, [path.join(root, 'test/support/run-commands.mjs')], {
    input: JSON.stringify(lists),
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  expect(stderr).toBe('');
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as CommandRun);
}

beforeAll(ensureDist, 300_000);

describe('commands in the documents', () => {
  const own = commandLines.filter(({ words }) => words[0] === 'amdgpu-svm');

  it('exist, with every option that is shown', () => {
    const names = [...new Set(own.map(({ words }) => words[1]!))];
    const runs = runCommands(names.map((name) => [name, '--help']));
    expect(runs.filter(({ code }) => code !== 0)).toEqual([]);
    const helps = new Map(runs.map(({ args: [name], printed }) => [name!, printed]));
    const unknown = own.flatMap(({ place, words: [, name, ...rest] }) => {
      const mine = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
      const options = mine.flatMap((word) => /^\[?(--[a-z][a-z-]*)/.exec(word)?.[1] ?? []);
      return options
        .filter((option) => option !== '--help' && !helps.get(name!)!.includes(option))
        .map((option) => `${place}: ${name} ${option}`);
    });
    expect(unknown).toEqual([]);
    expect(own.length).toBeGreaterThan(40);
  });

  it('are all in the list of the README', () => {
    const [{ printed }] = runCommands([['--help']]) as [CommandRun];
    const names = [...printed.matchAll(/^ {2}(\w+) {2,}\S/gm)].map(([, name]) => name!);
    const listed = own.filter(({ place }) => place.startsWith('README.md')).map(({ words }) => words[1]!);
    expect(names.filter((name) => !['help', 'completion'].includes(name) && !listed.includes(name))).toEqual([]);
    expect(names.length).toBeGreaterThan(10);
  });

  it('of npm and Node name scripts and files that exist', () => {
    const scripts = Object.keys(JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')).scripts as object);
    const wrong = commandLines.filter(({ words: [program, first = '', second = ''] }) => {
      if (program === 'amdgpu-svm') return false;
      if (program === 'npm') {
        if (['ci', 'install'].includes(first)) return false;
        return !scripts.includes(first === 'run' ? second : first);
      }
      const file = program === 'node' ? first : second;
      // Without a folder it is a reader's own program.
      return file.includes('/') && !/[*{]/.test(file) && !fs.existsSync(path.join(root, file));
    });
    expect(wrong).toEqual([]);
  });

  it('that need no file and no device run', () => {
    const harmless = own.filter(
      ({ words }) =>
        ['hazards', 'info'].includes(words[1]!) && !words.some((word) => /^[<>]|^[A-Z]+$|\.jsonl/.test(word)),
    );
    const runs = runCommands(harmless.map(({ words }) => words.slice(1)));
    expect(runs.filter(({ code, printed }) => code !== 0 || printed === '')).toEqual([]);
    expect(runs.length).toBeGreaterThan(2);
  });
});

/** The shell commands of the steps of a workflow or an action: after `run: |`, `run: >`, or on the line of `run:`. */
function stepsOf(yaml: string): string[] {
  const lines = yaml.split('\n');
  return lines.flatMap((line, at) => {
    const match = /^( *)(- )?run: (.*)$/.exec(line);
    if (match === null) return [];
    const [, indent = '', dash = '', text = ''] = match;
    if (text !== '|' && text !== '>') return [text];
    const deeper = new RegExp(`^ {${indent.length + dash.length + 1},}`);
    const end = lines.findIndex((each, index) => index > at && each.trim() !== '' && !deeper.test(each));
    const body = lines.slice(at + 1, end < 0 ? undefined : end).map((each) => each.trim());
    return [body.join(text === '>' ? ' ' : '\n')];
  });
}

describe('steps for CI', () => {
  let project: string;
  beforeAll(() => {
    project = temporaryFolder();
    fs.mkdirSync(path.join(project, 'node_modules/.bin'), { recursive: true });
    fs.symlinkSync(root, path.join(project, 'node_modules/amdgpu-svm'));
    fs.symlinkSync(path.join(root, 'dist/lib/cli/main.cjs'), path.join(project, 'node_modules/.bin/amdgpu-svm'));
    fs.chmodSync(path.join(root, 'dist/lib/cli/main.cjs'), 0o755);
    writeFiles(project, { 'package.json': '{ "name": "project", "private": true }' });
  });

  function step(script: string, variables: Readonly<Record<string, string>>): Promise<Run> {
    const env = { ...process.env, GITHUB_STEP_SUMMARY: path.join(project, 'summary.md'), ...variables };
    return run('bash', ['-eo', 'pipefail', '-c', script], { cwd: project, env });
  }

  it('of docs/conformance.md run', async () => {
    const recipe = allSnippets.find(
      ({ place, text }) => place.startsWith('docs/conformance.md') && text.startsWith('jobs:'),
    );
    const [install, suite, ...others] = stepsOf(recipe!.text);
    expect([install, others]).toEqual(['npm ci', []]);
    // A small part of it; what it is cut into does not matter.
    const script = suite!.replace('${{ matrix.shard }}/2', '1/200').replaceAll(/\$\{\{ matrix\.\w+ \}\}/g, 'v8');
    const result = await step(script, {});
    expect(result, result.output).toMatchObject({ code: 0 });
    expect(fs.readFileSync(path.join(project, 'junit-v8-v8.xml'), 'utf8')).toContain('<testsuites');
    expect(fs.readFileSync(path.join(project, 'summary.md'), 'utf8')).toContain('v8');
  });

  it('of action.yml run', async () => {
    const [install, command, suite, ...others] = stepsOf(fs.readFileSync(path.join(root, 'action.yml'), 'utf8'));
    expect(others).toEqual([]);
    expect(await step(install!, { VERSION: 'none' })).toMatchObject({ code: 0, output: '' });
    const own = `node -e "import('amdgpu-svm').then(({ SvmDevice }) => console.log(SvmDevice.open().profile.name))"`;
    const selected = { AMDGPU_SVM_BACKEND: 'emulated', AMDGPU_SVM_PROFILE: 'v7' };
    expect(await step(command!, { COMMAND: own, ...selected })).toMatchObject({ code: 0, stdout: 'v7\n' });
    expect(await step(command!, { COMMAND: 'false | true', ...selected })).toMatchObject({ code: 1 });
    const inputs = { PROFILE: 'v8', QUERIES: 'uapi,arguments:alignment', SHARD: '1/20', JUNIT: 'junit.xml' };
    const result = await step(suite!, inputs);
    expect(result, result.output).toMatchObject({ code: 0 });
    expect(fs.readFileSync(path.join(project, 'junit.xml'), 'utf8')).toContain('uapi,arguments');
  });

  it('of action.yml name inputs that it has', () => {
    const text = fs.readFileSync(path.join(root, 'action.yml'), 'utf8');
    const declared = [...text.slice(0, text.indexOf('\nruns:')).matchAll(/^ {2}(\w+):$/gm)].map(([, name]) => name!);
    const used = [...text.matchAll(/inputs\.(\w+)/g)].map(([, name]) => name!);
    expect([...new Set(used)].sort()).toEqual(declared.filter((name) => !['icon', 'color'].includes(name)).sort());
  });
});
