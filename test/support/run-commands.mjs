/**
 * Runs `amdgpu-svm` once for each list of arguments (JSON, on standard input), all in this process: loading Node and the package
 * takes longer than most commands. Writes a line of JSON for each, with its exit code and what it printed.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';

const require = createRequire(import.meta.url);
const main = require.resolve('../../dist/lib/cli/main.cjs');
// Each run listens to the streams again.
for (const stream of [process.stdout, process.stderr]) stream.setMaxListeners(0);
const write = process.stdout.write.bind(process.stdout);

for (const args of JSON.parse(readFileSync(0, 'utf8'))) {
  let printed = '';
  process.stdout.write = (chunk) => {
    printed += chunk;
    return true;
  };
  process.argv = [process.argv[0], main, ...args];
  process.exitCode = undefined;
  delete require.cache[main];
  require(main);
  while (process.exitCode === undefined) await setImmediate();
  write(`${JSON.stringify({ args, code: process.exitCode, printed })}\n`);
}
process.exit(0);
