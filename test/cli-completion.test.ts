/** The completion scripts, as the shells themselves run them. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { DEFINITIONS } from '../lib/cli/commands/index.ts';
import { temporaryFolder } from './support/after-file.ts';
import { runHere } from './support/cli-here.ts';
import { describeIf } from './support/native-helpers.ts';

const folder = temporaryFolder();
writeFileSync(join(folder, 'recording.jsonl'), '');

/** The script of a shell, as a file. */
async function scriptOf(shell: string): Promise<string> {
  const { code, stdout } = await runHere(['completion', shell]);
  expect(code).toBe(0);
  const file = join(folder, shell);
  writeFileSync(file, stdout);
  return file;
}

/** What the shell prints, with the lines as its arguments, in a folder that has a recording. */
function runShell(program: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): string {
  const { stdout, stderr, status } = spawnSync(program, args, {
    cwd: folder,
    encoding: 'utf8',
    timeout: 30_000,
    env: { ...process.env, HOME: folder, ...environment },
  });
  expect([status, stderr]).toEqual([0, '']);
  return stdout;
}

function missing(program: string): string | undefined {
  return spawnSync(program, ['--version']).error === undefined ? undefined : `${program} is not installed`;
}

it.each(['bash', 'zsh', 'fish'])('the script of %s has every command and every option', async (shell) => {
  const { stdout } = await runHere(['completion', shell]);
  const absent = Object.values(DEFINITIONS).flatMap(({ name, options }) =>
    [name, ...Object.keys(options)].filter(
      (word) => !new RegExp(`(^|[\\s'-])${word}([\\s'=:\\[]|$)`, 'm').test(stdout),
    ),
  );
  expect(absent).toEqual([]);
});

it.each([[[]], [['tcsh']], [['bash', 'zsh']]])('%j is no shell', async (operands) => {
  const { code, stdout, stderr } = await runHere(['completion', ...operands]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/^amdgpu-svm: completion: expected one of bash, zsh, fish, got /);
});

describe('bash completes', () => {
  let file: string;
  beforeAll(async () => {
    file = await scriptOf('bash');
  });
  const complete = (words: readonly string[]): string[] => {
    const program =
      'source "$1"; shift; compopt() { :; }; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _amdgpu_svm; echo "${COMPREPLY[*]}"';
    return runShell('bash', ['-c', program, 'bash', file, 'amdgpu-svm', ...words])
      .trim()
      .split(' ');
  };

  it.each([
    [['re'], ['replay', 'record']],
    [['help', 'ex'], ['explore']],
    [['replay', '--ha'], ['--hazards']],
    [['replay', '--hazards', '=', 'f'], ['fail']],
    [['replay', '--hazards', 'rec'], ['recording.jsonl']],
    [
      ['demo', '--asic', 'gfx115'],
      ['gfx1150', 'gfx1151'],
    ],
    [
      ['demo', '--asic', '=', 'gfx115'],
      ['gfx1150', 'gfx1151'],
    ],
    [['explore', '--preemptions', ''], ['']],
    [['gpu', 'fa'], ['fault']],
    [['trace', 'x', '-o', 'rec'], ['recording.jsonl']],
    [['record', 'x', '--', 'rec'], ['recording.jsonl']],
  ])('%j', (words, expected) => expect(complete(words)).toEqual(expected));
});

describeIf('fish completes', missing('fish') ?? '', () => {
  it('commands, options, values and files', async () => {
    const file = await scriptOf('fish');
    const lines = [
      're',
      'help ex',
      'replay --ch',
      'demo --asic gfx115',
      'gpu fa',
      'trace x -o rec',
      'record x -- rec',
      'info rec',
    ];
    const program =
      'source $argv[1]; for line in $argv[2..]; complete -C "amdgpu-svm $line" | string replace -r "\\t.*" "" | string join " "; echo; end';
    const found = runShell('fish', ['--no-config', '-c', program, file, ...lines])
      .split('\n')
      .filter((line) => line !== '');
    expect(found).toEqual([
      'record replay',
      'explore',
      '--check',
      'gfx1150 gfx1151',
      'fault',
      'recording.jsonl',
      'recording.jsonl',
    ]);
  });
});

describeIf('zsh completes', missing('zsh') ?? '', () => {
  it('commands, options, values and files', async () => {
    const file = await scriptOf('zsh');
    const out = join(folder, 'lines');
    // A shell at a terminal of its own: Tab completes, Ctrl-G writes the line down.
    writeFileSync(
      join(folder, '.zshrc'),
      `PS1= RPS1=; unset zle_bracketed_paste; autoload -U compinit; compinit -u -D; source ${file}
show() { print -r -- $BUFFER >> ${out}; BUFFER= }; zle -N show; bindkey '^G' show; print READY`,
    );
    const program = `zmodload zsh/zpty; zpty z zsh -i; zpty -r z first '*READY*'
for each in "$@"; do zpty -w -n z "$each"$'\\t\\a'; done
zpty -w -n z $'exit\\r'; while zpty -r z rest; do :; done; print -r -- "$(<${out})"`;
    const lines = [
      'repl',
      'help expl',
      'replay --ch',
      'replay --hazards=f',
      'demo --asic gfx1151',
      'gpu fa',
      'trace x -o rec',
      'record x -- rec',
    ];
    const typed = lines.map((line) => `amdgpu-svm ${line}`);
    const found = runShell('zsh', ['-f', '-c', program, 'zsh', ...typed], { ZDOTDIR: folder, TERM: 'xterm' });
    expect(
      found
        .split('\n')
        .map((line) => line.trim().replace('amdgpu-svm ', ''))
        .filter((line) => line !== ''),
    ).toEqual([
      'replay',
      'help explore',
      'replay --check',
      'replay --hazards=fail',
      'demo --asic gfx1151',
      'gpu fault',
      'trace x -o recording.jsonl',
      'record x -- recording.jsonl',
    ]);
  });
});
