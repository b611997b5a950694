/** The cases of the package and those that look inside the model, as one suite: what has to notice a mutant of the emulator. */
import { GROUPS, parseQuery, runConformance } from '../../lib/conformance/index.ts';
import type { ConcreteCase, ConformanceOptions, Report } from '../../lib/conformance/index.ts';
import { MODEL_GROUPS } from './index.ts';

/** The cases of both, or only those of the groups that queries name: a mutant is judged by one case, most often. */
export function bothSuites(queries: readonly string[] = []): ConcreteCase[] {
  const groups = [...GROUPS, ...MODEL_GROUPS];
  const named = queries.map((query) => {
    const ofGroup = parseQuery(query.split(':')[0]!);
    return groups.filter(({ path }) => ofGroup.matches({ group: path, name: '', point: {} }));
  });
  const meant = named.length === 0 || named.some((found) => found.length === 0) ? groups : [...new Set(named.flat())];
  return meant.flatMap((group) => group.concreteCases());
}

/** As `runConformance`; queries may name cases of either suite. */
export function runBothSuites(options: Omit<ConformanceOptions, 'cases' | 'isolate'> = {}): Promise<Report> {
  return runConformance({ ...options, cases: bothSuites(options.queries) });
}
