/** `amdgpu-svm hazards`: what is wrong in each posted revision of the driver. */
import { listHazards } from '../trace/hazards/list.ts';
import type { ListedHazard } from '../trace/hazards/list.ts';
import type { UapiProfileName } from '../uapi/profile.ts';
import { ExitCode, UsageError } from './command.ts';
import type { hazards as hazardsDefinition } from './commands/traces.ts';
import type { InputOf } from './definition.ts';
import { bold, print, toJson } from './output.ts';
import { counted } from '../words/counted.ts';

export function runHazards({ values, operands }: InputOf<typeof hazardsDefinition>): ExitCode {
  if (values.trace && values.json) throw new UsageError('hazards: --trace goes without --json');
  const { profile } = values;
  const hazards = chosen(operands, profile);
  if (values.trace) printTrace(hazards, operands);
  else if (values.json) print(toJson({ profile, confirmedOnHardware: false, hazards: hazards.map(toObject) }, 2));
  else show(hazards, profile);
  return ExitCode.ok;
}

/** The entries of those ids, in their order; all without ids. */
function chosen(ids: readonly string[], profile: UapiProfileName | undefined): readonly ListedHazard[] {
  const known = listHazards(profile);
  if (ids.length === 0) return known;
  return ids.map((id) => {
    const found = known.find((each) => each.id === id || each.alsoKnown.includes(id));
    if (found !== undefined) return found;
    const elsewhere = listHazards().find((each) => each.id === id || each.alsoKnown.includes(id));
    if (elsewhere === undefined)
      throw new UsageError(
        `hazards: unknown ID "${id}"; known: ${listHazards()
          .map((each) => each.id)
          .join(', ')}`,
      );
    const having = Object.keys(elsewhere.revisions).join(', ');
    throw new UsageError(`hazards: ${id}: revision ${profile} does not have it; expected one of ${having}`);
  });
}

function printTrace(hazards: readonly ListedHazard[], ids: readonly string[]): void {
  const [hazard] = hazards;
  if (hazard === undefined || ids.length !== 1) throw new UsageError('hazards: --trace: expected one ID');
  const { id, trace, withoutTrace } = hazard;
  if (trace === undefined) throw new UsageError(`hazards: ${id} has no trace: ${withoutTrace}`);
  for (const line of trace) print(line);
}

function toObject({ trace, ...rest }: ListedHazard): object {
  return { ...rest, trace: trace?.map((line) => JSON.parse(line) as object) };
}

function show(hazards: readonly ListedHazard[], profile: UapiProfileName | undefined): void {
  const bad = (severity: ListedHazard['severity']): string =>
    counted(hazards.filter((each) => each.severity === severity).length, severity);
  const of = profile === undefined ? 'all revisions' : `revision ${profile}`;
  print(`${counted(hazards.length, 'hazard')} of ${of}: ${bad('corruption')}, ${bad('violation')}, ${bad('notice')}.`);
  print('Nothing of this was confirmed on hardware yet.');
  for (const hazard of hazards) showOne(hazard);
}

const KINDS: Readonly<Record<string, string>> = {
  D: 'happens each time',
  T: 'depends on a moment',
  R: 'needs two threads',
  F: 'needs a failure',
};

const KNOWN = {
  recorded: 'seen in the real code, running in a simulated process, and recorded',
  run: 'seen in the real code, running in a simulated process; not in the recordings here',
  reading: 'from reading the code',
};

function showOne(hazard: ListedHazard): void {
  const { id, alsoKnown, title, severity, kind, text, observable, advice, repairs, trace, withoutTrace } = hazard;
  const names = [id, ...alsoKnown].join(' = ');
  print();
  print(bold(`${names}  ${title}`));
  print(
    `  ${severity}; ${kind
      .split('/')
      .map((letter) => KINDS[letter])
      .join(', or ')}`,
  );
  print(`  ${text}`);
  print(`  seen as   ${observable}`);
  print(`  advice    ${advice}`);
  if (repairs.length > 0) print(`  repair    ${repairs.join(' or ')} (docs/repairs.md)`);
  for (const [how, words] of Object.entries(KNOWN)) {
    const revisions = Object.entries(hazard.revisions).flatMap(([name, each]) => (each === how ? [name] : []));
    if (revisions.length > 0) print(`  ${revisions.join(', ')}: ${words}`);
  }
  if (trace === undefined) print(`  no trace: ${withoutTrace}`);
  else for (const line of trace) print(`    ${line}`);
}
