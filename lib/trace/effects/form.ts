/** How the entries of `fx` are written: kinds with the same values in the same places have one form each (spec/trace-format §5). */
import { Fragment } from '../format/answer-text.ts';
import type { AnswerOutput } from '../format/answer-text.ts';
import { hex, hexAddress } from '../format/hex.ts';

/** One entry of `fx`. */
export type TraceEffect = readonly (string | number)[];

/** Where an effect comes from. */
export interface EffectSource {
  /** Number of the GPU; null: the process. */
  readonly gpu: number | null;
  /** The 64-bit PTE flags of an index. */
  readonly flagValue: (index: number) => bigint;
}

/**
 * A value of an entry. Of the pages that it is about: `page` the first, `last` the last, `pages` how many, `address` and
 * `end` the bytes where they begin and end; of what else was told, `flags` the PTE flags, `gpu` the number of a GPU.
 */
type Column = 'page' | 'last' | 'pages' | 'address' | 'end' | 'flags' | 'gpu';

/** What an entry is written from. */
export interface EffectValues {
  readonly startPage: number;
  readonly pages: number;
  /** An index of the PTE flags of the source, or a number. */
  readonly flags: number;
  readonly source: EffectSource;
}

const END_OF_LIST = new Fragment(']');
const END_OF_TEXT = new Fragment('"]');

/** The form of the entries of one kind. */
export class EntryForm {
  readonly #words: readonly string[];
  readonly #columns: readonly Column[];
  /** What stands before each value, and after the last. */
  readonly #before: readonly Fragment[];
  readonly #after: Fragment;

  /** `words`: the kind, and what is the same in all its entries. */
  constructor(words: readonly string[], columns: readonly Column[]) {
    this.#words = words;
    this.#columns = columns;
    let open = JSON.stringify(words).slice(0, -1);
    this.#before = columns.map((column) => {
      const before = new Fragment(column === 'gpu' ? `${open},` : `${open},"0x`);
      open = column === 'gpu' ? '' : '"';
      return before;
    });
    this.#after = columns.length === 0 ? new Fragment(`${open}]`) : open === '"' ? END_OF_TEXT : END_OF_LIST;
  }

  entry(values: EffectValues): TraceEffect {
    const entry: (string | number)[] = [...this.#words];
    for (const column of this.#columns) entry.push(valueOf(column, values));
    return entry;
  }

  write(values: EffectValues, output: AnswerOutput): void {
    const columns = this.#columns;
    for (let index = 0; index < columns.length; index++) {
      output.raw(this.#before[index]!);
      writeValue(columns[index]!, values, output);
    }
    output.raw(this.#after);
  }
}

function valueOf(column: Column, { startPage, pages, flags, source }: EffectValues): string | number {
  switch (column) {
    case 'page':
      return hex(startPage);
    case 'last':
      return hex(startPage + pages - 1);
    case 'pages':
      return hex(pages);
    case 'address':
      return hexAddress(startPage);
    case 'end':
      return hexAddress(startPage + pages);
    case 'flags':
      return hex(source.flagValue(flags));
    case 'gpu':
      return flags;
  }
}

function writeValue(column: Column, { startPage, pages, flags, source }: EffectValues, output: AnswerOutput): void {
  switch (column) {
    case 'page':
      output.hex(startPage);
      break;
    case 'last':
      output.hex(startPage + pages - 1);
      break;
    case 'pages':
      output.hex(pages);
      break;
    case 'address':
      output.address(startPage);
      break;
    case 'end':
      output.address(startPage + pages);
      break;
    case 'flags':
      output.hex(source.flagValue(flags));
      break;
    case 'gpu':
      output.number(flags);
  }
}
