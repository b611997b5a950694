/** The cases of a run: chosen by queries, without others, and of these one part. */
import type { ConcreteCase } from './case.ts';
import { QueryError, selectCases } from './query.ts';
import type { Shard } from './report.ts';

/** Which cases are meant. */
export interface Selection {
  /** Default: all cases. */
  readonly queries?: readonly string[];
  readonly exclude?: readonly string[];
  readonly shard?: Shard;
}

function quotedList(texts: readonly string[] = []): string {
  return texts.map((each) => `"${each}"`).join(', ');
}

/** Those of the cases that are meant, in their order; throws `QueryError`, also where there is none. Needs no device. */
export function chooseCases(cases: readonly ConcreteCase[], selection: Selection = {}): ConcreteCase[] {
  const excluded =
    selection.exclude === undefined || selection.exclude.length === 0
      ? new Set()
      : new Set(selectCases(cases, selection.exclude));
  const chosen = selectCases(cases, selection.queries ?? []).filter((each) => !excluded.has(each));
  if (chosen.length === 0 && excluded.size > 0)
    throw new QueryError(`no case is left: ${quotedList(selection.exclude)} excludes all that are meant`);
  if (chosen.length === 0) throw new QueryError('there are no cases');
  const { shard } = selection;
  if (shard === undefined) return chosen;
  const part = chosen.filter((_, index) => index % shard.count === shard.index - 1);
  if (part.length === 0)
    throw new QueryError(`shard ${shard.index}/${shard.count}: no case is left: there are ${chosen.length} in all`);
  return part;
}
