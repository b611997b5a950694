/** Programs for the race explorer from the traces of the catalogue: what another thread does becomes a thread, wherever it came in. */
import { explore, parseProgram } from '../../lib/explore/index.ts';
import type { Finding, ProgramSource } from '../../lib/explore/index.ts';
import { QUIRK_CATALOGUE } from '../../emulator/index.ts';
import { hazardTrace, WITHOUT_TRACE } from '../../lib/trace/hazards/index.ts';
import type { OperationObject } from '../../lib/trace/operations/descriptor.ts';
import type { RevisionName } from '../../lib/uapi/profile.ts';

type Fields = Readonly<Record<string, unknown>> & { readonly inject?: readonly { readonly do: OperationObject }[] };

/** Why the explorer cannot find an entry of the catalogue that the revision has. */
export const REASONS = {
  notice: 'a notice, which the explorer does not tell',
  trace: 'no trace can express it',
  unobservable: 'the model cannot show it',
  'set-up': 'shows when the file is opened, before the threads begin',
  preemptions: 'takes sixteen preemptions, one for each run of the worker',
} as const;
export type Reason = keyof typeof REASONS;

/** Entries of which the trace does not tell why. */
const OTHERS: Readonly<Record<string, Reason>> = { Q03: 'set-up', 'X-R4': 'preemptions' };

/** The finding, or why there is none; undefined: the explorer should have found it. */
export function findEntry(id: string, revision: RevisionName): Finding | Reason | undefined {
  const { unobservable, severity } = QUIRK_CATALOGUE[id]!;
  if (unobservable !== undefined) return 'unobservable';
  if (severity === 'notice') return 'notice';
  if (id in WITHOUT_TRACE) return 'trace';
  if (id in OTHERS) return OTHERS[id]!;
  const lines = hazardTrace(id, revision)!.map((line) => JSON.parse(line) as OperationObject);
  const program = parseProgram(id, programOf(lines));
  return explore(program, { until: (finding) => finding.id === id }).findings.find((finding) => finding.id === id);
}

/** All that comes before another thread comes in is set-up; without another thread all is one thread, and runs once. */
function programOf([config, ...operations]: readonly OperationObject[]): ProgramSource {
  const fieldsOf = (operation: OperationObject): Fields => Object.values(operation)[0] as Fields;
  const interrupted = operations.findIndex((each) => fieldsOf(each).inject !== undefined);
  const rest = operations.slice(Math.max(interrupted, 0));
  const alone = rest.map((each) => {
    const { inject: _inject, ...fields } = fieldsOf(each);
    return { [Object.keys(each)[0]!]: fields };
  });
  return {
    config: config!['config'] as Fields,
    setup: operations.slice(0, Math.max(interrupted, 0)),
    threads: [alone, rest.flatMap((each) => (fieldsOf(each).inject ?? []).map((injection) => injection.do))],
  };
}
