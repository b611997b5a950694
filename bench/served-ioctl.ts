/** What an ioctl on a served node costs a client with few mappings and with many, beside what it costs two processes to wake each other. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { compileC } from './c-baseline.ts';
import { summary } from './measurement.ts';
import type { Measurement } from './measurement.ts';
import { builtCommand, outputOf } from './programs.ts';

const CALLS = 2000;
const ROUNDS = 5;
/** Microseconds of an ioctl where a byte takes 4 us there and back, as on the machine that the goal was set on. */
const SMALL = 60;
const PEERS = SMALL / 4;
/** How much longer it may take with a hundred times as many mappings. */
const MANY_RATIO = 2;

/** The measurements, or none with a line on stderr where nothing can be served or compiled. */
export function measureServedIoctl(root: string): Measurement[] {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'amdgpu-svm-bench-'));
  try {
    const client = path.join(folder, 'svm_mappings');
    const echo = path.join(folder, 'byte_echo');
    const problem =
      compileC(['-o', client, path.join(root, 'native', 'test', 'clients', 'svm_mappings.c')]) ??
      compileC(['-o', echo, path.join(root, 'bench', 'native', 'byte_echo.c')]);
    if (problem !== undefined) return nothing(problem);
    const [few, many, bytes]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < ROUNDS; round++) {
      bytes.push(...numbers(outputOf(echo, ['200', '10'])));
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [builtCommand(root), 'serve', '--run', '--', client, '/dev/dri/renderD128', String(CALLS)],
        { encoding: 'utf8' },
      );
      if (status !== 0) return nothing(stderr.trim());
      const [, first, , second] = numbers(stdout);
      few.push(first!);
      many.push(second!);
    }
    const peer = summary(bytes);
    const small = summary(few);
    return [
      {
        name: 'served node: GET of a client with 100 mappings',
        unit: 'us',
        ...small,
        target: { kind: 'limit', value: Math.max(SMALL, PEERS * peer.median) },
      },
      {
        name: 'served node: GET of a client with 10,000 mappings',
        unit: 'us',
        ...summary(many),
        target: { kind: 'limit', value: MANY_RATIO * small.median },
      },
      { name: 'two C processes: a byte there and back', unit: 'us', ...peer, target: undefined },
    ];
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** The numbers in a text. */
function numbers(text: string): number[] {
  return Array.from(text.matchAll(/\d+(?:\.\d+)?/g), ([digits]) => Number(digits));
}

function nothing(reason: string): [] {
  process.stderr.write(`bench: no ioctl on a served node is measured: ${reason}\n`);
  return [];
}
