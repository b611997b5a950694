/** What an import of the package loads: how long a start takes follows from it, and a time could not be held in a test. */
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { expect, it } from 'vitest';
import { root, runNode } from './support/package-support.ts';

/** Loads an entry as `require` and `import` do, and says which files of dist/ that took, and how many bytes they have. */
const PROGRAM = `
  const { statSync } = require('node:fs');
  const { sep, relative } = require('node:path');
  const all = require(process.argv[1]);
  /* uses */
  const files = Object.keys(require.cache).filter((file) => file.includes(sep + 'dist' + sep));
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  console.log(JSON.stringify({ files: files.map((file) => relative('dist', file)), bytes }));
`;

/** What is a program of its own, or is asked for by name. */
const TOOLS = /^lib\/(conformance|cli|inspect|serve|explore)\/|^lib\/trace\/(against|hazards)\//;

/** An import that runs, not one of types alone. */
const IMPORT = /^(?:import|export)(?! type\b)[^'";]*from '(\.[^']+)'|^import '(\.[^']+)'/gm;

/** Sources that a source imports, whatever file of dist/ they are in. */
function sourcesOf(entry: string): string[] {
  const found = new Set([entry]);
  for (const file of found)
    for (const [, from, alone] of readFileSync(join(root, file), 'utf8').matchAll(IMPORT))
      found.add(posix.join(posix.dirname(file), from ?? alone!));
  return [...found];
}

/** What the program finds for an entry of dist/, when it runs the code with it, too. */
async function loadedBy(entry: string, code = ''): Promise<{ files: string[]; bytes: number }> {
  const result = await runNode(['-e', PROGRAM.replace('/* uses */', code), `./dist/${entry}.cjs`]);
  expect(result.code, result.output).toBe(0);
  return JSON.parse(result.stdout) as { files: string[]; bytes: number };
}

it.each([
  ['lib/index', 300_000],
  ['emulator/index', 480_000],
  ['lib/hsa/index', 300_000],
  ['lib/hip/index', 390_000],
])('%s loads no tool, and at most %i bytes', async (entry, most) => {
  const { files, bytes } = await loadedBy(entry);
  expect(files).toContain(`${entry}.cjs`);
  // To find a file takes as long as to read it.
  expect(files.length).toBeLessThanOrEqual(16);
  expect(bytes).toBeLessThan(most);
  expect(sourcesOf(`${entry}.ts`).filter((file) => TOOLS.test(file))).toEqual([]);
});

it('loads the suite where it is asked for, so that its absence elsewhere says something', async () => {
  expect(sourcesOf('lib/conformance/index.ts').filter((file) => TOOLS.test(file))).not.toEqual([]);
  expect((await loadedBy('lib/conformance/index')).bytes).toBeGreaterThan(800_000);
});

it.each([
  ['a device is refused', 'lib/index', `try { all.SvmDevice.open({ backend: 'gpu' }) } catch {}`, 0],
  ['a node is refused', 'lib/index', `try { all.SvmDevice.open({ node: '/dev/null' }) } catch {}`, 0],
  ['nodes are looked for', 'lib/index', `try { all.SvmDevice.openAll({ backend: 'kernel' }) } catch {}`, 0],
  ['a request is encoded', 'lib/index', 'all.encodeAttributes([{ type: 0, value: 0 }])', 0],
  ['an emulated device is opened', 'lib/index', `all.SvmDevice.open({ backend: 'emulated' }).close()`, 300_000],
  ['an empty trace is refused', 'lib/index', `try { all.parseTrace('name', '') } catch {}`, 0],
  ['an operation is read', 'lib/index', `all.parseTrace('name', '{"config":{}}')`, 120_000],
  ['a machine is made', 'emulator/index', 'new all.EmulatedMachine()', 0],
  ['a machine of another revision is made', 'emulator/index', `new all.EmulatedMachine({ profile: 'v8' })`, 50_000],
  ['VRAM is migrated to', 'emulator/index', `new all.EmulatedMachine({ profile: 'v8', vram: 16 << 20 })`, 85_000],
  ['hazards are watched', 'emulator/index', 'new all.EmulatedMachine().watchHazards()', 55_000],
])('loads what is used, when it is: %s', async (_, entry, code, more) => {
  const [alone, used] = [await loadedBy(entry), await loadedBy(entry, code)];
  if (more === 0) expect(used).toEqual(alone);
  else expect(used.bytes - alone.bytes).toBeGreaterThan(more);
});
