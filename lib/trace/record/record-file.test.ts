import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it, vi } from 'vitest';
import { RecordFile } from './record-file.ts';
import { temporaryFolder } from '../../../test/support/after-file.ts';

const folder = temporaryFolder();
let warnings: string[] = [];
beforeEach(() => {
  warnings = [];
  vi.spyOn(process, 'emitWarning').mockImplementation((warning) => void warnings.push(String(warning)));
});

it('never overwrites one: what is there is left, by whoever it is', () => {
  const path = join(folder, 'shared.jsonl');
  const first = new RecordFile(path);
  const second = new RecordFile(path);
  first.write('{"a":1}');
  second.write('{"b":1}');
  second.close();
  first.close();
  const third = new RecordFile(path);
  third.close();
  expect([first.path, second.path, third.path]).toEqual(
    ['', '.2', '.3'].map((number) => join(folder, `shared${number}.jsonl`)),
  );
  expect(readFileSync(path, 'utf8')).toBe('{"a":1}\n');
  expect(warnings).toEqual(
    ['.2', '.3'].map(
      (number) => `record: ${path} is there already; this recording goes to ${join(folder, `shared${number}.jsonl`)}`,
    ),
  );
});

it('begins with the number that it is told, without a word', () => {
  const path = join(folder, 'many.jsonl');
  const files = [3, 3].map((number) => new RecordFile(path, number));
  for (const file of files) file.close();
  expect(files.map((file) => file.path)).toEqual(['.3', '.4'].map((number) => join(folder, `many${number}.jsonl`)));
  expect(warnings).toEqual([]);
});

it('is gone when nothing came of it', () => {
  const file = new RecordFile(join(folder, 'nothing.jsonl'));
  file.discard();
  file.discard();
  expect(existsSync(file.path)).toBe(false);
});

it('that cannot be written ends once, with a warning, and never with an error', () => {
  const file = new RecordFile('/dev/full');
  file.write('{"a":1}');
  file.write('{"a":2}');
  file.close();
  expect(warnings).toEqual([expect.stringMatching(/record: \/dev\/full ends here: ENOSPC/)]);
});

it('marks its end, and holds only whole lines', () => {
  const path = join(folder, 'stopped.jsonl');
  const file = new RecordFile(path);
  file.write('{"a":1}');
  file.stop('something\nhappened');
  file.write('{"a":2}');
  file.close();
  expect(readFileSync(path, 'utf8')).toBe('{"a":1}\n# the recording ends here: something happened\n');
});
