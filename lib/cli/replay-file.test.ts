import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { replayFile } from './replay-file.ts';
import { temporaryFolder } from '../../test/support/after-file.ts';

const folder = temporaryFolder();

it.each([true, false])('tells now and then how much of a long trace is done, check: %s', (check) => {
  const path = join(folder, 'long.jsonl');
  writeFileSync(path, '{"in":{"gc":{}},"out":{"ret":0,"ran":false,"fx":[]}}\n'.repeat(600));
  const told: number[] = [];
  const mode = { check, json: false, hazards: false, size: {}, several: false };
  const outcome = replayFile(
    path,
    mode,
    () => {},
    (done) => told.push(done),
  );
  expect(outcome).toMatchObject({ result: { operations: 600, difference: undefined } });
  expect(told).toEqual([256, 512]);
});
