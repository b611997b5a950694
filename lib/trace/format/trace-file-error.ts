/** The error of trace files, apart from what reads them: the command knows it without loading the operations. */
import { printable } from '../../words/printable.ts';

const LONGEST_MESSAGE = 1000;

function shortened(text: string): string {
  return text.length <= LONGEST_MESSAGE ? text : `${text.slice(0, LONGEST_MESSAGE)}... (${text.length} characters)`;
}

/** A trace that cannot be read or understood; the message begins with `FILE:LINE:` and is one line of printable text. */
export class TraceFileError extends Error {
  readonly code = 'ERR_SVM_TRACE';
  readonly file: string;
  /** From 1; 0 when the file as a whole is meant. */
  readonly line: number;

  constructor(file: string, line: number, message: string, options?: ErrorOptions) {
    // What a trace says may be in it, at any length.
    const text = printable(shortened(message));
    super(line === 0 ? `${file}: ${text}` : `${file}:${line}: ${text}`, options);
    this.name = 'TraceFileError';
    this.file = file;
    this.line = line;
  }
}
