/** What reading operations have read, page by page, and which of it is wrong. */
import { threadName } from './program.ts';
import type { ExploreProgram } from './program.ts';
import type { TraceAnswer, TraceOperation } from '../trace/operations/index.ts';

/** A value that an operation has read in a page. */
export interface Read {
  /** The operation: "load of thread A", with its place if it is not the first. */
  readonly by: string;
  readonly page: number;
  /** '?': the page was never written since it was allocated. */
  readonly value: number | '?';
}

/** The values of one answer; `thread` undefined: an operation of the program's end. */
export function readsOf(
  { name }: TraceOperation,
  answer: TraceAnswer,
  thread: number | undefined,
  index: number,
): Read[] {
  const { vals } = answer;
  if (vals === undefined) return [];
  const by = `${name} ${thread === undefined ? 'at the end' : `of thread ${threadName(thread)}`} (operation ${index + 1})`;
  return vals.flatMap(([value, startPage, pages]) =>
    Array.from({ length: Number(pages) }, (_, page) => ({ by, page: Number(startPage) + page, value })),
  );
}

/**
 * Looks at reads page by page: an operation on several pages need not happen at once, on one page it does. So each page
 * has to hold what it may hold after some serial order, whatever the others hold.
 */
export class ReadCheck {
  readonly #written: ReadonlySet<number>;
  readonly #serial = new Map<string, Set<Read['value']>>();

  constructor(program: ExploreProgram) {
    this.#written = writtenValues(program);
  }

  /** What a serial order reads is right. */
  noteSerial(reads: readonly Read[]): void {
    for (const read of reads) {
      const key = keyOf(read);
      const values = this.#serial.get(key);
      if (values === undefined) this.#serial.set(key, new Set([read.value]));
      else values.add(read.value);
    }
  }

  /** The first read of what nobody wrote. */
  foreign(reads: readonly Read[]): Read | undefined {
    return reads.find(({ value }) => value === '?' || !this.#written.has(value));
  }

  /** The first read that no serial order gives; pages that none could read are not looked at. */
  stale(reads: readonly Read[]): Read | undefined {
    return reads.find((read) => this.#serial.get(keyOf(read))?.has(read.value) === false);
  }
}

function keyOf({ by, page }: Read): string {
  return `${by} ${page}`;
}

/** The values that a page may hold: 0, and what the operations write. */
function writtenValues({ setup, threads, end }: ExploreProgram): ReadonlySet<number> {
  const values = new Set([0]);
  for (const { operation } of [...setup, ...threads.flat(), ...end]) {
    if (operation.name === 'store') values.add(operation.value);
    else if (operation.name === 'access' && operation.value !== undefined) values.add(operation.value);
  }
  return values;
}
