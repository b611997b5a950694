import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { findRecordings, numbered, recordingName, removeRecordings } from './recording-names.ts';
import { temporaryFolder } from '../../test/support/after-file.ts';

const folder = temporaryFolder();
beforeEach(() => {
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
});

function make(...names: readonly string[]): void {
  for (const name of names) writeFileSync(join(folder, name), '');
}

it('puts process, thread and device in the place of patterns', () => {
  const place = { process: 12, thread: 3, device: 1 };
  expect(recordingName('/a/%p/run.%p.%t.%d.jsonl', place)).toBe('/a/12/run.12.3.1.jsonl');
  expect(recordingName('/a/100%.jsonl', place)).toBe('/a/100%.jsonl');
});

it('puts numbers before the ending', () => {
  expect(numbered('/a/run.jsonl', 2)).toBe('/a/run.2.jsonl');
  expect(numbered('/a/run', 3)).toBe('/a/run.3');
});

it('removes the recordings of one name, up to the first that is not there', () => {
  make('run.jsonl', 'run.2.jsonl', 'run.3.jsonl', 'run.5.jsonl', 'other.jsonl', 'run.x.jsonl');
  removeRecordings(join(folder, 'run.jsonl'));
  expect(readdirSync(folder).sort()).toEqual(['other.jsonl', 'run.5.jsonl', 'run.x.jsonl']);
});

it('finds the recordings that a name can have made', () => {
  make(
    'run.jsonl',
    'run.2.jsonl',
    'run.12.jsonl',
    'run.x.jsonl',
    'runs.jsonl',
    'a.7.0.jsonl',
    'a.7.0.2.jsonl',
    'a.7.jsonl',
  );
  const found = (name: string): string[] => findRecordings(join(folder, name)).map((each) => basename(each));
  expect(found('run.jsonl')).toEqual(['run.12.jsonl', 'run.2.jsonl', 'run.jsonl']);
  expect(found('a.%p.%t.jsonl')).toEqual(['a.7.0.2.jsonl', 'a.7.0.jsonl']);
});
