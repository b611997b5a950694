/** `--traces FOLDER` of the commands that look for defects. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writing } from './command.ts';

interface Found {
  readonly id: string;
  readonly trace: readonly string[];
}

/** Makes the folder, so that one that cannot be written is known before the search. */
export function makeTraceFolder(folder: string | undefined): void {
  if (folder === undefined) return;
  writing(folder, () => mkdirSync(folder, { recursive: true }));
}

/** Writes the trace of each finding to FOLDER/ID.jsonl, those of one id with "-2", "-3", ... */
export function writeTraces(folder: string | undefined, findings: readonly Found[]): void {
  if (folder === undefined) return;
  const names = new Set<string>();
  for (const { id, trace } of findings) {
    let name = id;
    for (let number = 2; names.has(name); number++) name = `${id}-${number}`;
    names.add(name);
    const path = join(folder, `${name}.jsonl`);
    writing(path, () => writeFileSync(path, `${trace.join('\n')}\n`));
  }
}
