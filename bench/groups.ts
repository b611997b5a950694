/** The groups of measurements by name. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { attributeWorkloads, treeChangeWorkloads } from './attributes.ts';
import { CBaseline } from './c-baseline.ts';
import { measureConformance, measureStart } from './commands.ts';
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

/** By name; each makes its scene only when it is asked for. */
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

export const GROUP_NAMES: readonly string[] = Object.keys(GROUPS);

/** Measures the group called `name`. */
export function measureGroup(name: string): Measurement[] {
  try {
    return GROUPS[name]!();
  } finally {
    baseline?.close();
  }
}
