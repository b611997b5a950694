/**
 * What has to go after the tests of a file, asked for wherever it is made: in a test, in a hook, in a module of
 * `test/support`. A module is loaded once for all files of a process, and a hook in it would run after the first of
 * them only.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

type CleanUp = () => void | Promise<void>;

const cleanUps: CleanUp[] = [];

/** Runs `cleanUp` after the tests of the file that is running and after their hooks; the last that was asked for is the first to run. */
export function afterFile(cleanUp: CleanUp): void {
  cleanUps.push(cleanUp);
}

/** Runs everything that was asked for, also after one that throws; what was thrown is thrown at the end. */
export async function cleanUpFile(): Promise<void> {
  const failures: unknown[] = [];
  for (let cleanUp = cleanUps.pop(); cleanUp !== undefined; cleanUp = cleanUps.pop()) {
    try {
      await cleanUp();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, failures.map(String).join('\n'));
}

/** A temporary folder, which goes after the tests of the file. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'amdgpu-svm-test-')));
  afterFile(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
