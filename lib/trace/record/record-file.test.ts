import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, it, vi } from 'vitest';
import { RecordFile } from './record-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'amdgpu-svm-file-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let warnings: string[] = [];
beforeEach(() => {
  warnings = [];
  vi.spyOn(process, 'emitWarning').mockImplementation((warning) => void warnings.push(String(warning)));
});

it('has one writer: another one of any process or thread gets a file of its own', () => {
  const path = join(folder, 'shared.jsonl');
  const first = new RecordFile(path);
  const second = new RecordFile(path);
  first.write('{"a":1}');
  second.write('{"b":1}');
  second.close();
  // Finished, and still not to be overwritten.
  const third = new RecordFile(path);
  third.close();
  first.close();
  expect([first.path, second.path, third.path]).toEqual(
    ['', '.2', '.3'].map((number) => join(folder, `shared${number}.jsonl`)),
  );
  expect(readFileSync(path, 'utf8')).toBe('{"a":1}\n');
  expect(warnings).toHaveLength(2);
  expect(existsSync(`${path}.lock`)).toBe(false);
});

it('leaves nothing behind in the process, however many there were', () => {
  const before = process.listenerCount('exit');
  for (let count = 0; count < 20; count++) {
    const file = new RecordFile(join(folder, `many.${count}.jsonl`));
    expect(process.listenerCount('exit')).toBe(before + 1);
    file.close();
  }
  expect(process.listenerCount('exit')).toBe(before);
});

it('is taken over from a process that ended without a word', () => {
  const path = join(folder, 'crashed.jsonl');
  const pid = execFileSync(process.execPath, ['-p', 'process.pid']).toString().trim();
  writeFileSync(`${path}.lock`, `${pid} 1 0`);
  const file = new RecordFile(path);
  expect(file.path).toBe(path);
  file.close();
  expect(warnings).toEqual([]);
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
