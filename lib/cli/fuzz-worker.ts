/** The thread of some histories of a fuzzer. */
import { Fuzzer } from '../explore/index.ts';
import { ChildImplementation } from '../trace/against/implementation.ts';
import type { FuzzJob } from './fuzz-threads.ts';
import { answerParts } from './worker-pool.ts';

answerParts(({ options, against }: FuzzJob) => {
  // Each thread has a process of its own.
  const other = against === undefined ? undefined : new ChildImplementation(against.command, against.timeout);
  const fuzzer = new Fuzzer(options, other);
  return { run: (number) => fuzzer.run(number), end: () => other?.close() };
});
