/** Throughput of `replay --check`: reading, replaying and comparing the recorded vectors. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { readTraceLines } from '../lib/trace/format/read-trace.ts';
import { replayTrace } from '../lib/trace/replay/replay.ts';
import { now } from './clock.ts';
import type { Measurement } from './measurement.ts';

/** Operations per second that a replay has to reach. */
const WANTED = 60_000;
const PLACES = ['test/vectors', '../shared/vectors'];
const ROUNDS = 5;

/** Trace files of the first of `PLACES` below `root` that exists. */
function vectorFiles(root: string): string[] {
  const place = PLACES.map((name) => path.join(root, name)).find((candidate) => existsSync(candidate));
  if (place === undefined) return [];
  return readdirSync(place, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.jsonl(\.gz)?$/.test(name))
    .sort()
    .map((name) => path.join(place, name));
}

/** Replays all vectors several times; undefined where there are none. */
export function measureReplay(root: string): Measurement | undefined {
  const files = vectorFiles(root);
  if (files.length === 0) return undefined;
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    let operations = 0;
    const begin = now();
    for (const file of files) {
      const result = replayTrace(readTraceLines(file), { check: true });
      if (result.difference !== undefined) throw new Error(`${file}:${result.difference.line}: the replay differs`);
      operations += result.operations;
    }
    rates.push((operations / (now() - begin)) * 1000);
  }
  rates.sort((left, right) => left - right);
  return {
    name: `replay --check of ${files.length} traces`,
    unit: 'op/s',
    median: rates[rates.length >> 1]!,
    best: rates[rates.length - 1]!,
    target: { kind: 'limit', value: WANTED },
  };
}
