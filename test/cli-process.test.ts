/** What a process of the command has of its own: what it loads, its standard input, its terminal, and a server. */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { describeIf } from './support/native-helpers.ts';
import { temporaryFolder } from './support/after-file.ts';
import { ensureDist, root } from './support/package-support.ts';

const MAIN = path.join(root, 'dist/lib/cli/main.cjs');
const TRACE = '{"config":{}}\n{"in":{"advance":{"ns":5}},"out":{"ret":0,"clock":"0x3b9aca05","fx":[]}}\n';

beforeAll(ensureDist, 300_000);

describe('the command loads no more than it needs', () => {
  /** Files of the package that a run has loaded, by name, with their bytes. */
  function loadedBy(...args: readonly string[]): Map<string, number> {
    const program = `const main = process.argv[1];
process.on('exit', () => console.error(JSON.stringify(Object.keys(require.cache))));
require(main);`;
    const { stderr } = spawnSync(process.execPath, ['-e', program, MAIN, ...args], { encoding: 'utf8' });
    const files = JSON.parse(stderr.trim().split('\n').at(-1)!) as string[];
    return new Map(files.map((file) => [path.basename(file), fs.statSync(file).size]));
  }
  const sum = (files: ReadonlyMap<string, number>): number => [...files.values()].reduce((all, each) => all + each, 0);

  it('for the version', () => {
    const files = loadedBy('--version');
    expect([...files.keys()]).not.toContain('parser.cjs');
    expect(sum(files)).toBeLessThan(50_000);
  });

  it.each([[['--help']], [['help', 'conformance']], [['replay', '--help']], [['info', '--frobnicate']]])(
    'for %j',
    (args) => {
      const files = loadedBy(...args);
      expect([...files.keys()]).toContain('parser.cjs');
      expect([...files.keys()]).not.toContain('emulator.cjs');
      expect(sum(files)).toBeLessThan(300_000);
    },
  );
});

describe('standard input in place of a file', () => {
  const run = (args: readonly string[], input: string | Buffer) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { input, encoding: 'utf8' });
    return { status, stdout, stderr };
  };

  it('is replayed', () => {
    expect(run(['replay', '--check', '-'], TRACE)).toEqual({
      status: 0,
      stdout: '1 of 1 trace identical, 2 operations\n',
      stderr: '',
    });
    expect(run(['snapshot', '-', '--json'], TRACE).stdout).toMatch(/^\{/);
  });

  it('is complained of by its name', () => {
    expect(run(['replay', '-'], '{"config":{}}\n{"nope"')).toEqual({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(/^amdgpu-svm: standard input:2: no JSON/) as string,
    });
    expect(run(['replay', '-', '--max-size', '10'], TRACE).stderr).toMatch(/standard input: holds more than 10 bytes/);
    expect(run(['replay', '-', '-'], TRACE)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('"-" can be there once') as string,
    });
  });
});

describeIf(
  'a terminal',
  spawnSync('script', ['--version']).error === undefined ? '' : 'script is not installed',
  () => {
    const shown = (environment: NodeJS.ProcessEnv): string => {
      const env: NodeJS.ProcessEnv = { ...process.env, TERM: 'xterm', ...environment };
      if (environment['NO_COLOR'] === undefined) delete env['NO_COLOR'];
      // Node takes the terminal of a CI that it does not know for one without colours.
      delete env['CI'];
      return spawnSync('script', ['-qec', `${process.execPath} ${MAIN} --help`, '/dev/null'], { encoding: 'utf8', env })
        .stdout;
    };

    it('gets colours, but not with NO_COLOR or TERM=dumb', () => {
      expect(shown({})).toContain('\u001b[1mCommands:');
      for (const environment of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
        expect(shown(environment)).toContain('Commands:');
        expect(shown(environment)).not.toContain('\u001b');
      }
    });
  },
);

it('inspect serves the traces of a folder', async () => {
  const folder = temporaryFolder();
  fs.mkdirSync(path.join(folder, 'below'));
  fs.writeFileSync(path.join(folder, 'good.jsonl'), TRACE);
  fs.writeFileSync(path.join(folder, 'below', 'bad.jsonl'), '{"config":');
  const child = spawn(process.execPath, [MAIN, 'inspect', folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  onTestFinished(async () => {
    child.kill();
    await ended;
  });
  const said = await new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(String(data))));
  const [url] = /http:\S+/.exec(said)!;
  const text = async (place: string): Promise<string> => (await fetch(url + place)).text();
  expect(await text('')).toMatch(/<a href="0\/">below\/bad\.jsonl<\/a>.*<a href="1\/">good\.jsonl<\/a>/);
  expect(await text('0/')).toContain('bad.jsonl:1: no JSON');
  expect(await text('1/')).toContain('"name":"good.jsonl"');
  expect((await fetch(`${url}2/`)).status).toBe(404);
});
