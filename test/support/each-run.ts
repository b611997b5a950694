/**
 * A folder of its own for the temporary files of a run: what tests leave there is named, and goes with it. And the environment of
 * the programs that tests start.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setCertificatesAside } from '../../scripts/certificates.mjs';

const NAME = 'amdgpu-svm-run-of-tests-';

/** Vitest calls this for each of its projects; the first makes the folder, for all. */
export default function setUp(): (() => void) | undefined {
  if (path.basename(os.tmpdir()).startsWith(NAME)) return undefined;
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), NAME));
  // As /tmp: some tests run programs of other users.
  fs.chmodSync(folder, 0o1777);
  process.env['TMPDIR'] = folder;
  setCertificatesAside();
  return () => {
    // Caches and folders of other programs (Chromium's, npm's, Node's) are theirs to name.
    const left = fs.readdirSync(folder).filter((name) => /svm/.test(name));
    fs.rmSync(folder, { recursive: true, force: true });
    if (left.length === 0) return;
    console.error(`error: the tests have left temporary files: ${left.join(', ')}`);
    // Vitest only prints what is thrown here.
    process.exitCode = process.exitCode || 1;
  };
}
