/** What several parts of an exploration have found, as one result. */
import type { Exploration } from './explorer.ts';
import type { Finding } from './findings.ts';
import type { Generated } from './generate.ts';
import { injectedOperations } from './schedule.ts';

/** The parts of one program in their order; a finding of several is the shortest of theirs, the first of equal ones. */
export function mergeExplorations(parts: readonly Exploration[]): Exploration {
  const found = new Map<string, Finding>();
  for (const finding of parts.flatMap(({ findings }) => findings)) {
    const before = found.get(finding.id);
    if (before === undefined || isShorter(finding, before)) found.set(finding.id, finding);
  }
  const sum = (count: (part: Exploration) => number): number => parts.reduce((all, part) => all + count(part), 0);
  const worst = ['corruption', 'violation', 'notice'];
  return {
    findings: [...found.values()].sort(
      (one, other) => worst.indexOf(one.severity) - worst.indexOf(other.severity) || (one.id < other.id ? -1 : 1),
    ),
    schedules: sum(({ schedules }) => schedules),
    merged: sum(({ merged }) => merged),
    blocked: sum(({ blocked }) => blocked),
    bounded: parts.some(({ bounded }) => bounded),
    limited: parts.some(({ limited }) => limited),
  };
}

function isShorter(one: Finding, than: Finding): boolean {
  if (one.preemptions !== than.preemptions) return one.preemptions < than.preemptions;
  const injected = injectedOperations(one.steps) - injectedOperations(than.steps);
  return injected !== 0 ? injected < 0 : one.trace.length < than.trace.length;
}

/** The parts of one seed; a finding of several is that of the first program, as if one had explored all. */
export function mergeGenerated(parts: readonly Generated[]): Generated {
  const found = new Map<string, Generated['findings'][number]>();
  for (const finding of parts.flatMap(({ findings }) => findings)) {
    const before = found.get(finding.id);
    if (before === undefined || finding.number < before.number) found.set(finding.id, finding);
  }
  return {
    findings: [...found.values()].sort((one, other) => (one.id < other.id ? -1 : 1)),
    programs: parts.reduce((sum, { programs }) => sum + programs, 0),
    schedules: parts.reduce((sum, { schedules }) => sum + schedules, 0),
  };
}
