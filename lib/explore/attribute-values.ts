/** The attributes of pages, however they are cut into intervals. */
import type { TraceSubject } from '../trace/operations/descriptor.ts';

type Context = NonNullable<TraceSubject['file']['context']>;

/** Numbers of a run: its first and last page, and five attributes. */
const WIDTH = 7;
/** In front of the runs of each context but the first one. */
const NEXT_CONTEXT = -1;

interface Known {
  readonly numbers: readonly number[];
  readonly text: string;
}

/** Attributes as text. Most schedules leave those of an earlier one: their text is not written again. */
export class AttributeValues {
  /** What is being read, and how much of it there is. */
  readonly #numbers: number[] = [];
  #length = 0;
  readonly #known = new Map<number, Known[]>();

  /** Runs of pages with equal attributes in each context; intervals that touch and are equal are one. */
  textOf(subjects: readonly TraceSubject[]): string {
    this.#length = 0;
    for (const { file } of subjects) {
      if (file !== subjects[0]!.file) this.#numbers[this.#length++] = NEXT_CONTEXT;
      if (file.context !== null) this.#read(file.context);
    }
    const hash = hashOf(this.#numbers, this.#length);
    let bucket = this.#known.get(hash);
    if (bucket === undefined) this.#known.set(hash, (bucket = []));
    for (const { numbers, text } of bucket) if (this.#isRead(numbers)) return text;
    const numbers = this.#numbers.slice(0, this.#length);
    const text = textOfNumbers(numbers);
    bucket.push({ numbers, text });
    return text;
  }

  #read({ tree, defaults }: Context): void {
    const numbers = this.#numbers;
    // Where the last run of this context begins.
    let last = -1;
    for (const interval of tree.values()) {
      // What a fault or a clearing leaves behind: as good as no interval.
      if (isEqual(interval, defaults)) continue;
      const at = this.#length;
      numbers[at] = interval.first;
      numbers[at + 1] = interval.last;
      // Locations as a user knows them: 32 bits without a sign.
      numbers[at + 2] = interval.preferredLocation >>> 0;
      numbers[at + 3] = interval.prefetchLocation >>> 0;
      numbers[at + 4] = interval.access;
      numbers[at + 5] = interval.granularity;
      numbers[at + 6] = interval.flags;
      if (last >= 0 && continues(numbers, last, at)) numbers[last + 1] = interval.last;
      else {
        last = at;
        this.#length = at + WIDTH;
      }
    }
  }

  #isRead(known: readonly number[]): boolean {
    if (known.length !== this.#length) return false;
    for (let index = 0; index < known.length; index++) if (known[index] !== this.#numbers[index]) return false;
    return true;
  }
}

function isEqual(one: Context['defaults'], other: Context['defaults']): boolean {
  return (
    one.flags === other.flags &&
    one.access === other.access &&
    one.granularity === other.granularity &&
    one.prefetchLocation === other.prefetchLocation &&
    one.preferredLocation === other.preferredLocation
  );
}

/** Whether the run at `next` goes on where the one at `last` ends, with the same attributes. */
function continues(numbers: readonly number[], last: number, next: number): boolean {
  if (numbers[last + 1]! + 1 !== numbers[next]) return false;
  for (let index = 2; index < WIDTH; index++) if (numbers[last + index] !== numbers[next + index]) return false;
  return true;
}

function hashOf(numbers: readonly number[], length: number): number {
  let hash = 0;
  for (let index = 0; index < length; index++) hash = (Math.imul(hash, 31) + numbers[index]!) | 0;
  return hash;
}

function textOfNumbers(numbers: readonly number[]): string {
  let text = '';
  for (let at = 0; at < numbers.length; at += WIDTH) {
    if (numbers[at] === NEXT_CONTEXT) {
      text += '|';
      at -= WIDTH - 1;
      continue;
    }
    if (text !== '' && !text.endsWith('|')) text += ' ';
    const [first, last, ...values] = numbers.slice(at, at + WIDTH);
    text += `${first}-${last}=${values.join()}`;
  }
  return text;
}
