/**
 * `npm run bench [-- --json] [-- --only TEXT] [-- --cpu]`: how fast and how small the emulator is,
 * next to a C baseline that does the same in the same moment. It judges, but never fails for being slow.
 * `--cpu` measures processor time: on a machine that other programs use too it is the steadier one.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { attributeWorkloads, treeChangeWorkloads } from './attributes.ts';
import { CBaseline } from './c-baseline.ts';
import { measureConformance, measureStart } from './commands.ts';
import { useProcessorTime } from './clock.ts';
import { measureBoundary } from './boundary.ts';
import { measureExplorer } from './explore.ts';
import { faultWorkloads, unmapWorkloads } from './faults.ts';
import { measureGrowth } from './growth.ts';
import { measureHip } from './hip.ts';
import { hsaWorkloads } from './hsa.ts';
import { measureHazards } from './hazards.ts';
import { measureTime } from './measurement.ts';
import type { Measurement } from './measurement.ts';
import { measureMemory } from './memory.ts';
import { measureMigration } from './migration.ts';
import { onOneProcessor } from './one-processor.ts';
import { measurePaired } from './paired.ts';
import type { PairedWorkload } from './paired.ts';
import { measureRaces } from './races.ts';
import { measureReplay } from './replay.ts';
import { formatTable, reportRow } from './report.ts';
import type { ReportRow } from './report.ts';
import { measureServed } from './served.ts';
import { measureServedIoctl } from './served-ioctl.ts';
import { measureUnwritten } from './unwritten.ts';

// Compiled to dist-bench/bench/main.js.
const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

let baseline: CBaseline | undefined;

/** Measures the emulator next to the C baseline; where that is not available, says so once, and only the emulator. */
function besideC(workload: PairedWorkload): Measurement {
  if (baseline === undefined) {
    baseline = new CBaseline(ROOT);
    if (baseline.problem !== undefined)
      process.stderr.write(`bench: there are no figures of C beside: ${baseline.problem}\n`);
  }
  const side = baseline;
  return onOneProcessor(() => measurePaired(workload, side));
}

/** Groups of measurements by name; each makes its scene only when it is asked for. */
const GROUPS: Readonly<Record<string, () => Measurement[]>> = {
  memory: measureMemory,
  'attributes-small': () => attributeWorkloads(1000).map(besideC),
  'attributes-large': () => attributeWorkloads(1_000_000).map(besideC),
  'tree-changes': () => treeChangeWorkloads().map(besideC),
  faults: () => faultWorkloads().map(besideC),
  unmap: () => unmapWorkloads().map(besideC),
  growth: () => measureGrowth(),
  unwritten: measureUnwritten,
  migration: measureMigration,
  hip: measureHip,
  hsa: () => hsaWorkloads().map(measureTime),
  hazards: measureHazards,
  explore: measureExplorer,
  races: measureRaces,
  boundary: () => measureBoundary(ROOT),
  'served-ioctl': () => measureServedIoctl(ROOT),
  'served-work': () => measureServed(ROOT),
  replay: () => {
    const rows = measureReplay(ROOT);
    if (rows.length === 0) process.stderr.write('bench: no vectors found, replay is not measured\n');
    return rows;
  },
  conformance: () => measureConformance(ROOT),
  start: () => measureStart(ROOT),
};

const USAGE = `Usage: npm run bench -- [--only TEXT] [--cpu] [--json]

Measures, and prints one table. bench/README.md says what the columns are and what bounds the figures.

  --only TEXT  the groups with that text in their name: ${Object.keys(GROUPS).join(', ')}
  --cpu        processor time instead of the wall's, where one process is measured
  --json       data instead of the table
`;

function readArguments(): { json: boolean; only: string | undefined; cpu: boolean } | undefined {
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

const values = readArguments();
if (values === undefined) process.exit();
if (values.cpu) useProcessorTime();
const groups = Object.entries(GROUPS).filter(([name]) => values.only === undefined || name.includes(values.only));
if (groups.length === 0) {
  process.stderr.write(`bench: --only: no group is named like that; groups: ${Object.keys(GROUPS).join(', ')}\n`);
  process.exitCode = 2;
}
let rows: ReportRow[];
try {
  rows = groups.flatMap(([, measure]) => measure()).map(reportRow);
} finally {
  baseline?.close();
}
if (values.json)
  process.stdout.write(`${JSON.stringify({ node: process.version, measurements: rows }, undefined, 2)}\n`);
else if (rows.length > 0) process.stdout.write(`${formatTable(rows)}\n`);
