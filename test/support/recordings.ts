/** Recordings of the real code that lie in a folder of test/, and what is true of each such folder. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { UapiProfileName } from '../../lib/uapi/profile.ts';
import { readTraceFile } from '../../lib/trace/format/read-trace.ts';
import type { TraceLine } from '../../lib/trace/format/read-trace.ts';
import { replayTrace } from '../../lib/trace/replay/replay.ts';

/** The recordings of one folder. */
export class Recordings {
  readonly #folder: string;
  /** By path within the folder, sorted. */
  readonly files: readonly string[];

  /** `name`: of the folder in test/. */
  constructor(name: string) {
    this.#folder = join(import.meta.dirname, '..', name);
    this.files = readdirSync(this.#folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.jsonl(\.gz)?$/.test(file))
      .sort();
  }

  read(file: string): readonly TraceLine[] {
    return readTraceFile(join(this.#folder, file));
  }

  /** The lines of a recording as if another revision had been asked. */
  readAs(file: string, profile: UapiProfileName): TraceLine[] {
    return this.read(file).map((line) =>
      line.operation.name === 'config'
        ? { ...line, operation: { ...line.operation, config: { ...line.operation.config, profile } } }
        : line,
    );
  }

  /** Tests: there are recordings of exactly these families, and each replays identically. */
  replayIdentically(families: readonly string[]): void {
    it('are there, of every family', () => {
      expect([...new Set(this.files.map((file) => file.split(/[-/]/)[0]))].sort()).toEqual(families);
    });

    it.each(this.files)('%s replays identically', (file) => {
      const lines = this.read(file);
      const result = replayTrace(lines, { check: true });
      expect(result.difference).toBeUndefined();
      expect(result.compared).toBe(lines.length);
    });
  }
}
