/** No JavaScript input crashes the process: random calls of every exported function, in a child process. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { nativeSupport } from '../lib/backend/native-addon.ts';
import { packageRoot } from '../lib/backend/package-root.ts';
import { times } from './support/effort.ts';
import { describeNative } from './support/native-helpers.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const CALLS = Number(process.env['FUZZ_CALLS'] ?? times(100_000, 50_000));

describeNative('the addon under random calls', () => {
  it(`survives ${CALLS} of them`, { timeout: 300_000 }, () => {
    const script = join(packageRoot(import.meta.dirname)!, 'native', 'test', 'fuzz.cjs');
    const repeat = `FUZZ_SEED=${SEED} FUZZ_CALLS=${CALLS} npm test -- test/native-fuzz.test.ts`;
    console.log(`fuzz: ${repeat}`);
    // Node 20 has ArrayBuffer.prototype.transfer after a flag.
    const flags = process.versions.node.startsWith('20.') ? ['--harmony-rab-gsab-transfer'] : [];
    const args = ['--expose-gc', ...flags, script, nativeSupport().path!, String(SEED), String(CALLS)];
    const result = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      timeout: 280_000,
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    expect({ status: result.status, signal: result.signal, stderr: result.stderr }, repeat).toEqual({
      status: 0,
      signal: null,
      stderr: '',
    });
    expect(JSON.parse(result.stdout)).toMatchObject({ seed: SEED, calls: CALLS });
  });
});
