/** One rule for exit codes in all commands: wrong use and missing inputs are 2, outputs that cannot be written are 3. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEFINITIONS } from '../lib/cli/commands/index.ts';
import type { CommandName } from '../lib/cli/commands/index.ts';
import type { OptionDefinition } from '../lib/cli/definition.ts';
import { temporaryFolder } from './support/after-file.ts';
import { runHere } from './support/cli-here.ts';

const folder = temporaryFolder();
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const trace = file('trace.jsonl', '{"config":{}}\n{"advance":{"ns":5}}\n');
const program = file('program.json', '{"config":{},"threads":[[{"advance":{"ns":5}}],[{"advance":{"ns":5}}]]}');
const MISSING = join(folder, 'no', 'input');
const UNWRITABLE = join(folder, 'no', 'output');

/** Arguments with which a command lacks an input, and with which it cannot write its output. */
const CASES: Readonly<Record<CommandName, { missing: readonly string[][]; unwritable: readonly string[][] }>> = {
  info: { missing: [], unwritable: [] },
  demo: { missing: [], unwritable: [['--backend', 'emulated', '--record', UNWRITABLE], [`--trace=${UNWRITABLE}`]] },
  replay: {
    missing: [[MISSING], ['--check', MISSING], ['--explain', MISSING], [MISSING, '--against', 'cat']],
    unwritable: [],
  },
  snapshot: { missing: [[MISSING]], unwritable: [] },
  record: { missing: [], unwritable: [[UNWRITABLE, '--', 'true']] },
  run: { missing: [], unwritable: [[`--trace=${UNWRITABLE}`, '--', 'true']] },
  conformance: {
    missing: [
      ['--expectations', MISSING],
      ['--expect-skips', MISSING],
      ['--merge', MISSING],
    ],
    unwritable: [
      ['uapi,*', '--reporter', `json=${UNWRITABLE}`],
      ['uapi,*', '--reporter', `json=${folder}`],
      ['uapi,*', '--record', join(trace, 'folder')],
      ['--merge', '--reporter', `json=${UNWRITABLE}`, MISSING],
    ],
  },
  diff: {
    missing: [
      [MISSING, trace],
      [trace, MISSING],
      ['--profiles', 'v4,v8', MISSING],
    ],
    unwritable: [],
  },
  hazards: { missing: [], unwritable: [] },
  serve: { missing: [], unwritable: [['--mount', join(trace, 'mount')]] },
  // Nobody serves there: what it would write to cannot be reached.
  gpu: {
    missing: [],
    unwritable: [
      ['--mount', MISSING, 'list'],
      ['--mount', folder, 'list'],
    ],
  },
  trace: {
    missing: [[MISSING]],
    unwritable: [
      [trace, '-o', UNWRITABLE],
      [trace, '-o', folder],
    ],
  },
  inspect: {
    missing: [[MISSING], [MISSING, '--out', join(folder, 'x.html')]],
    unwritable: [[trace, '--out', UNWRITABLE]],
  },
  explore: { missing: [[MISSING]], unwritable: [[program, '--traces', join(trace, 'folder')]] },
  fuzz: { missing: [], unwritable: [['--operations', '1', '--traces', join(trace, 'folder')]] },
  bench: { missing: [], unwritable: [] },
  build: { missing: [], unwritable: [] },
  completion: { missing: [], unwritable: [] },
};

const commands = Object.keys(CASES) as CommandName[];

async function expectOneLine(args: readonly string[], code: number, message: RegExp): Promise<void> {
  const run = await runHere(args);
  expect([run.code, run.stdout], run.output).toEqual([code, '']);
  expect(run.stderr).toMatch(message);
  expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
}

describe.each(commands)('%s', (command) => {
  const { missing, unwritable } = CASES[command];

  it('ends with 2 for a wrong option', () =>
    expectOneLine([command, '--frobnicate'], 2, new RegExp(`^amdgpu-svm: ${command}: unknown option '--frobnicate'`)));

  it('ends with 2 for a wrong value', async () => {
    const options: readonly (readonly [string, OptionDefinition])[] = Object.entries(DEFINITIONS[command].options);
    for (const [name, { choices, parse }] of options) {
      if (choices === undefined && parse === undefined) continue;
      await expectOneLine(
        [command, `--${name}=`],
        2,
        new RegExp(`^amdgpu-svm: ${command}: --${name}: expected .*got ""`),
      );
    }
  });

  it.each(missing)('ends with 2 without its input: %j', (...args) =>
    expectOneLine([command, ...args], 2, new RegExp('no/input|trace|mount')),
  );

  it.each(unwritable)('ends with 3 where it cannot write: %j', (...args) =>
    expectOneLine([command, ...args], 3, /ENOENT|ENOTDIR|EISDIR|not a directory/),
  );
});
