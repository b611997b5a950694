/** The examples, as a reader runs them: on the built package, by its own name. */
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from './support/after-file.ts';
import { ensureDist, root, runNode } from './support/package-support.ts';

const outputs: Readonly<Record<string, readonly string[]>> = {
  'managed-vector-add.mjs': [
    'added 1048576 numbers on the GPU: all right',
    'c[0] = 0.5, c[1048575] = 1048575.5',
    'a: read mostly true, last prefetched to device 0',
  ],
  'double-buffered-prefetch.mjs': [
    'GPU done with block 0; block 1: there already, block 2: waiting',
    'GPU done with block 1; block 2: there already, block 3: waiting',
    'GPU done with block 2; block 3: there already, block 4: waiting',
    'GPU done with block 3; block 4: there already, block 5: waiting',
    'GPU done with block 4; block 5: there already, block 6: there is none',
    'GPU done with block 5; block 6: there is none, block 7: there is none',
    'sums / 1048576: 1 2 3 4 5 6',
  ],
  'first-touch-versus-preferred-location.mjs': [
    'first touch: 4 GPU faults, read right',
    '  preferred -2, last prefetch -2',
    'preferred location: 4 GPU faults, read right',
    '  hipMemAdvise(SetPreferredLocation, 0) -> GPU0: PREFERRED_LOC=1',
    '  preferred 0, last prefetch -2',
    'prefetch: 0 GPU faults, read right',
    '  hipMemPrefetchAsync(0) -> GPU0: PREFETCH_LOC=1',
    '  preferred -2, last prefetch 0',
  ],
  'compare-prefetch-policies.mjs': [
    'On demand: 147.0 ms, 108 GPU faults, 216 MiB to VRAM, 184 MiB back, 0 MiB accessed over the link',
    'Prefetch: 166.8 ms, 0 GPU faults, 216 MiB to VRAM, 184 MiB back, 0 MiB accessed over the link',
    'In place: 20.0 ms, 32 GPU faults, 0 MiB to VRAM, 0 MiB back, 384 MiB accessed over the link',
    'drawn: TMPDIR/compare-prefetch-policies.svg',
  ],
  'overcommit-vram.mjs': [
    'as posted: 224 evictions, the GPU read 128 of 128 blocks wrong',
    '  named: all but 0, by V8-D5',
    'repaired: 224 evictions, the GPU read 0 of 128 blocks wrong',
  ],
  'two-gpus.mjs': [
    'hipMallocManaged(65536) -> GPU0: ACCESS=ALLOW_MIGRATE; GPU1: ACCESS=ALLOW_MIGRATE',
    'hipMemAdvise(SetPreferredLocation, 0) -> GPU0: PREFERRED_LOC=1',
    'hipMemAdvise(SetPreferredLocation, 1) -> GPU1: PREFERRED_LOC=1',
    'hipMemAdvise(SetAccessedBy, 0) -> GPU0: ACCESS=IN_PLACE',
    'hipMemAdvise(SetAccessedBy, 1) -> GPU1: ACCESS=IN_PLACE',
    'GPU 1 reads 0x11111111, which GPU 0 wrote',
    'the CPU reads 0x11111111 and 0x22222222',
    'accessed by: 0, 1',
  ],
};

/** Waits for questions; test/cli-fuzz.test.ts asks it. */
const SERVER = 'against-server.mjs';

beforeAll(ensureDist);

it('covers every example', () => {
  expect(
    fs
      .readdirSync(path.join(root, 'examples'))
      .filter((name) => name.endsWith('.mjs'))
      .sort(),
  ).toEqual([SERVER, ...Object.keys(outputs)].sort());
});

it.each(Object.keys(outputs))('%s', async (name) => {
  // What is in the environment must not choose another backend or write a recording.
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('AMDGPU_SVM_')));
  const TMPDIR = temporaryFolder();
  const result = await runNode([path.join('examples', name)], { env: { ...env, TMPDIR } });
  expect(result.stderr).toBe('');
  expect(result.stdout.replaceAll(TMPDIR, 'TMPDIR').trimEnd().split('\n')).toEqual(outputs[name]);
  expect(result.code).toBe(0);
  // What one of them draws is shown in the documentation.
  for (const drawn of fs.readdirSync(TMPDIR)) {
    const shown = path.join(root, 'docs/images', drawn);
    if (process.env['UPDATE_DOCS'] === '1') fs.copyFileSync(path.join(TMPDIR, drawn), shown);
    expect(fs.readFileSync(path.join(TMPDIR, drawn), 'utf8')).toBe(fs.readFileSync(shown, 'utf8'));
  }
});
