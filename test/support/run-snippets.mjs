/** Runs the modules that are named, one after the other, and writes what each printed or threw as a line of JSON. */
import { format } from 'node:util';

let printed = [];
const note = (...values) => void printed.push(format(...values));
console.log = console.info = console.warn = console.error = note;

for (const file of process.argv.slice(2)) {
  printed = [];
  let error = null;
  try {
    await import(new URL(file, `file://${process.cwd()}/`).href);
  } catch (thrown) {
    error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  }
  process.stdout.write(`${JSON.stringify({ file, printed: printed.map((text) => `${text}\n`).join(''), error })}\n`);
}
// A snippet may leave a device open, which would keep the process.
process.exit(0);
