/** What the threads of one operation did, side by side. */
import { effectText, operationText } from './describe.ts';
import type { Step } from './step.ts';

/** One row: something that the thread of the operation did, or another one meanwhile. */
export interface ThreadRow {
  readonly column: 'own' | 'other';
  readonly text: string;
  /** An operation begins or goes on; else it is an effect. */
  readonly isHead: boolean;
}

/** The rows of an operation that others came in at, in the order of time; undefined if nobody did. */
export function threadRows({ operation, answer, effects }: Step): readonly ThreadRow[] | undefined {
  const { inject = [] } = operation;
  if (inject.length === 0) return undefined;
  const rows: ThreadRow[] = [
    { column: 'own', text: `${operation.name} ${operationText(operation)}`.trim(), isHead: true },
  ];
  const open = inject.map((entry, index) => ({ ...entry, answer: answer.inj?.[index] }));
  let column: ThreadRow['column'] = 'own';
  for (const effect of effects) {
    const name = String(effect[0]);
    if (name === 'inject') {
      column = 'other';
      const point = String(effect[1]);
      const at = open.findIndex(
        (entry) => entry.at === point && entry.answer?.fired !== false && entry.answer?.blocked !== true,
      );
      const [entry] = at < 0 ? [] : open.splice(at, 1);
      const what = entry === undefined ? 'goes on' : `${entry.operation.name} ${operationText(entry.operation)}`.trim();
      rows.push({ column, text: entry === undefined ? what : `at ${point}: ${what}`, isHead: true });
    } else if (name === 'inject-end') {
      column = 'own';
    } else {
      rows.push({ column, text: effectText(effect).text, isHead: false });
    }
  }
  for (const { at, operation: left, answer: its } of open)
    rows.push({
      column: 'other',
      text: `${left.name}: ${its?.blocked === true ? `would have to wait at ${at}` : `${at} was not passed`}`,
      isHead: true,
    });
  return rows;
}
