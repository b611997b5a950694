/**
 * `npm run bench [-- --json] [-- --only TEXT] [-- --cpu]`: how fast and how small the emulator is,
 * next to a C baseline that does the same in the same moment. It judges, but never fails for being slow.
 * `--cpu` measures processor time: on a machine that other programs use too it is the steadier one.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { GROUP_NAMES } from './groups.ts';
import type { Measurement } from './measurement.ts';
import { formatTable, reportRow } from './report.ts';
import type { ReportRow } from './report.ts';

const USAGE = `Usage: npm run bench -- [--only TEXT] [--cpu] [--json]

Measures, and prints one table. bench/README.md says what the columns are and what bounds the figures.

  --only TEXT  the groups with that text in their name: ${GROUP_NAMES.join(', ')}
  --cpu        processor time instead of the wall's, where one process is measured
  --json       data instead of the table
`;

interface Arguments {
  readonly json: boolean;
  readonly only: string | undefined;
  readonly cpu: boolean;
}

/** Undefined where there is nothing to measure: help was asked for, or the arguments are wrong. */
function readArguments(): Arguments | undefined {
  try {
    const { values } = parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        only: { type: 'string' },
        cpu: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (!values.help) return { ...values, only: values.only };
    process.stdout.write(USAGE);
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n\n${USAGE}`);
    process.exitCode = 2;
  }
  return undefined;
}

const told = new Set<string>();

/** Writes the lines of `text` to stderr that no group has said before. */
function tell(text: string): void {
  for (const line of text.split('\n'))
    if (line !== '' && !told.has(line)) {
      told.add(line);
      process.stderr.write(`${line}\n`);
    }
}

/** Measures a group in a process of its own: V8 makes code from all that a process has run, so that other groups would count. */
function measureAlone(group: string, cpu: boolean): ReportRow[] {
  const program = path.join(import.meta.dirname, 'group.js');
  const options = cpu ? ['--cpu'] : [];
  const { status, signal, stdout, stderr, error } = spawnSync(
    process.execPath,
    [...process.execArgv, program, group, ...options],
    { encoding: 'utf8', maxBuffer: Infinity },
  );
  tell(stderr);
  if (status !== 0) throw new Error(`the group ${group} ended with ${error?.message ?? signal ?? status}`);
  return (JSON.parse(stdout) as Measurement[]).map(reportRow);
}

function measure({ json, only, cpu }: Arguments): void {
  const groups = GROUP_NAMES.filter((name) => only === undefined || name.includes(only));
  if (groups.length === 0) {
    process.stderr.write(`bench: --only: no group is named like that; groups: ${GROUP_NAMES.join(', ')}\n`);
    process.exitCode = 2;
    return;
  }
  const rows = groups.flatMap((group) => measureAlone(group, cpu));
  if (json) process.stdout.write(`${JSON.stringify({ node: process.version, measurements: rows }, undefined, 2)}\n`);
  else if (rows.length > 0) process.stdout.write(`${formatTable(rows)}\n`);
}

const values = readArguments();
if (values !== undefined) measure(values);
