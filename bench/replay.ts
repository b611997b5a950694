/** Throughput of `replay --check`: reading, replaying and comparing the recorded vectors, warm and as a whole command. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { readTraceLines, replayTrace } from 'amdgpu-svm';
import { now } from './clock.ts';
import type { Measurement } from './measurement.ts';
import { builtCommand, outputOf } from './programs.ts';

/** Operations per second that a replay has to reach, and that the whole command has to. */
const WANTED = 60_000;
const WANTED_COLD = 30_000;
/** All recordings, where they are; else those that the project has of them. */
const PLACES = ['../shared/vectors', 'test/vectors'];
/** Rounds before the ones that count: the code of a replay is compiled by what it meets, round after round. */
const WARM_UP_ROUNDS = 8;
const ROUNDS = 7;
const COLD_ROUNDS = 3;

function vectorFiles(place: string): string[] {
  return readdirSync(place, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.jsonl(\.gz)?$/.test(name))
    .sort()
    .map((name) => path.join(place, name));
}

/** Replays all vectors of the first of `PLACES` below `root` that exists; nothing where there are none. */
export function measureReplay(root: string): Measurement[] {
  const place = PLACES.map((name) => path.join(root, name)).find((candidate) => existsSync(candidate));
  const files = place === undefined ? [] : vectorFiles(place);
  if (place === undefined || files.length === 0) return [];
  const rates: number[] = [];
  let operations = 0;
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    operations = 0;
    const begin = now();
    for (const file of files) {
      const result = replayTrace(readTraceLines(file), { check: true });
      if (result.difference !== undefined) throw new Error(`${file}:${result.difference.line}: the replay differs`);
      operations += result.operations;
    }
    if (round >= 0) rates.push((operations / (now() - begin)) * 1000);
  }
  const cold = Array.from({ length: COLD_ROUNDS }, () => (operations / timeOfCommand(root, place)) * 1000);
  return [
    measurementOf(`replay --check of ${files.length} traces, warm`, rates, WANTED),
    measurementOf('the same, whole command with one thread', cold, WANTED_COLD),
  ];
}

/** Milliseconds of the wall that `amdgpu-svm replay --check` takes for the traces in `place`. */
function timeOfCommand(root: string, place: string): number {
  const begin = performance.now();
  outputOf(process.execPath, [builtCommand(root), 'replay', '--check', '--jobs', '1', place]);
  return performance.now() - begin;
}

function measurementOf(name: string, rates: readonly number[], wanted: number): Measurement {
  const ascending = rates.toSorted((left, right) => left - right);
  return {
    name,
    unit: 'op/s',
    median: ascending[ascending.length >> 1]!,
    best: ascending.at(-1)!,
    target: { kind: 'limit', value: wanted },
  };
}
