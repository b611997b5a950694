/** A program of its own for one group: `group.js NAME [--cpu]` prints its measurements as JSON. */
import { useProcessorTime } from './clock.ts';
import { measureGroup } from './groups.ts';

const [name = '', ...options] = process.argv.slice(2);
if (options.includes('--cpu')) useProcessorTime();
process.stdout.write(JSON.stringify(measureGroup(name)));
