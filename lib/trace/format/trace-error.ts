/** Thrown for a line that is no operation of the trace format; the reader adds file and line number. */
export class TraceFormatError extends Error {
  readonly code = 'ERR_SVM_TRACE';
  constructor(message: string) {
    super(message);
    this.name = 'TraceFormatError';
  }
}
