/** The replay of one trace file, so that several threads can share many. */
import { formatHazard } from '../device/emulated.ts';
import { readTraceFile, readTraceLines } from '../trace/format/read-trace.ts';
import type { ReadOptions, TraceLine } from '../trace/format/read-trace.ts';
import { replayTrace } from '../trace/replay/replay.ts';
import type { ReplayOptions, ReplayResult } from '../trace/replay/replay.ts';
import { complaintOf } from './failure.ts';
import type { Complaint } from './failure.ts';
import { toJson } from './output.ts';

/** How traces are replayed. */
export interface ReplayMode {
  readonly check: boolean;
  readonly json: boolean;
  readonly hazards: boolean;
  readonly repairs?: NonNullable<ReplayOptions['repairs']>;
  readonly size: ReadOptions;
  /** Lines say which file they are about. */
  readonly several: boolean;
}

/** What came of a file. */
export type FileOutcome = { readonly hazards: number } & (
  | { readonly result: ReplayResult }
  | { readonly complaint: Complaint }
);

/**
 * Replays a file; `say` gets lines of output as they come, `onOperations` now and then how many operations are done. Throws what is
 * wrong with the file if it is the only one.
 */
export function replayFile(
  file: string,
  mode: ReplayMode,
  say: (line: string) => void,
  onOperations?: (done: number) => void,
): FileOutcome {
  const { check, json, several, size, repairs } = mode;
  const named = several ? { file } : {};
  let hazards = 0;
  const options: ReplayOptions = {
    check,
    ...(repairs === undefined ? {} : { repairs }),
    ...(json && !check ? { onAnswer: (line, answer) => say(toJson({ ...named, in: line.source, out: answer })) } : {}),
    ...(mode.hazards
      ? {
          onHazard: (hazard) => {
            hazards++;
            say(json ? toJson({ ...named, hazard }) : `${several ? `${file}: ` : ''}${formatHazard(hazard)}`);
          },
        }
      : {}),
  };
  try {
    // What is told while it runs is told of a trace that could be read to its end.
    const lines = check && !mode.hazards ? readTraceLines(file, size) : readTraceFile(file, size);
    return {
      result: replayTrace(onOperations === undefined ? lines : countedLines(lines, onOperations), options),
      hazards,
    };
  } catch (error) {
    if (!several) throw error;
    return { complaint: complaintOf(error, file), hazards };
  }
}

/** Operations from one word about them to the next. */
const TOLD_OPERATIONS = 256;

function* countedLines(lines: Iterable<TraceLine>, tell: (done: number) => void): Generator<TraceLine, void> {
  let done = 0;
  for (const line of lines) {
    yield line;
    if (++done % TOLD_OPERATIONS === 0) tell(done);
  }
}
