/** The fewest operations that still show something. */
import type { OperationObject } from '../trace/operations/descriptor.ts';

/** Whether a history still shows it. */
export type Shows = (operations: readonly OperationObject[]) => Promise<boolean> | boolean;

/**
 * Leaves out as much as possible: first stretches of operations, each half as long as those before, then what other
 * threads do in them and what fails, at last the fields of the configuration. The configuration itself stays.
 */
export async function shrinkHistory(
  history: readonly OperationObject[],
  shows: Shows,
): Promise<readonly OperationObject[]> {
  let smallest = history;
  const takes = async (smaller: readonly OperationObject[]): Promise<boolean> => {
    if (!(await shows(smaller))) return false;
    smallest = smaller;
    return true;
  };
  for (let stretch = Math.max(1, (history.length - 1) >> 1); stretch >= 1; stretch >>= 1) {
    for (let again = true; again;) {
      again = false;
      for (let at = smallest.length - stretch; at >= 1; at -= stretch)
        if (await takes([...smallest.slice(0, at), ...smallest.slice(at + stretch)])) again = true;
      // Only single operations are worth a second look: the others come again when the stretch is shorter.
      if (stretch > 1) break;
    }
  }
  for (let at = 1; at < smallest.length; at++)
    for (const simpler of simplerForms(smallest[at]!)) await takes(smallest.with(at, simpler));
  for (const simpler of simplerConfigs(smallest[0]!)) await takes(smallest.with(0, simpler));
  return smallest;
}

/** The operation without other threads, without failures, and with each of its injections alone in their place. */
function* simplerForms(operation: OperationObject): Generator<OperationObject> {
  const [[name, fields]] = Object.entries(operation) as [[string, Readonly<Record<string, unknown>>]];
  for (const field of ['inject', 'fail']) {
    const list = fields[field] as readonly unknown[] | undefined;
    if (list === undefined) continue;
    if (list.length > 1) for (const each of list) yield { [name]: { ...fields, [field]: [each] } };
    const { [field]: _, ...rest } = fields;
    yield { [name]: rest };
  }
}

function* simplerConfigs(config: OperationObject): Generator<OperationObject> {
  const fields = config['config'] ?? {};
  for (const name of Object.keys(fields)) {
    if (name === 'profile') continue;
    const { [name]: _, ...rest } = fields;
    yield { config: rest };
  }
}
