/** `amdgpu-svm diff --profiles P,Q FILE`: what changes for a program between two revisions of the driver. */
import { compareProfiles } from '../trace/compare/revisions.ts';
import type { ProfileComparison, ProfileDifference } from '../trace/compare/revisions.ts';
import { effectOf, pagesOf } from '../trace/effects/index.ts';
import type { TraceEffect } from '../trace/effects/form.ts';
import { readTraceFile } from '../trace/format/read-trace.ts';
import { operationSentence } from '../trace/replay/explain.ts';
import { isProfileName, UAPI_PROFILES } from '../uapi/profile.ts';
import type { UapiProfileName } from '../uapi/profile.ts';
import { errnoName } from '../uapi/errno.ts';
import { accessName, attributeFlagNames, attributesText, locationName } from '../words/attributes.ts';
import { pteAccessLetters } from '../words/pte-flags.ts';
import { ExitCode, UsageError } from './command.ts';
import { bold, print, toJson } from './output.ts';
import { readOptions } from './options.ts';
import { counted } from '../words/counted.ts';

type Profiles = readonly [UapiProfileName, UapiProfileName];

/** Effects of one operation that are shown. */
const MOST_EFFECTS = 6;

/** Runs the one trace of `files` on both `profiles`; gives the exit code. */
export function diffProfiles(
  profiles: string,
  files: readonly string[],
  values: { readonly json: boolean; readonly 'max-size'?: number },
): ExitCode {
  const names = profilesOption(profiles);
  const [file] = files;
  if (file === undefined || files.length > 1)
    throw new UsageError('diff: --profiles: expected one trace FILE; see amdgpu-svm diff --help');
  const comparison = compareProfiles(readTraceFile(file, readOptions(values)), names);
  if (values.json) print(toJson(asObject(names, comparison), 2));
  else show(names, comparison);
  return isSame(comparison) ? ExitCode.ok : ExitCode.failure;
}

function profilesOption(text: string): Profiles {
  const names = text.split(',').map((each) => each.trim());
  const [one, other] = names;
  for (const name of names)
    if (!isProfileName(name))
      throw new UsageError(`diff: --profiles: expected two of ${Object.keys(UAPI_PROFILES).join(', ')}, got "${name}"`);
  if (names.length !== 2 || one === other)
    throw new UsageError(`diff: --profiles: expected two different profiles, as in v4,v8, got "${text}"`);
  return [one, other] as Profiles;
}

function isSame(comparison: ProfileComparison): boolean {
  const [one, other] = comparison.states.map(attributeLines) as [string[], string[]];
  return comparison.differences.length === 0 && one.join() === other.join();
}

function asObject([one, other]: Profiles, comparison: ProfileComparison): object {
  const { operations, differences, states, hazards } = comparison;
  const both = <Value>([ofOne, ofOther]: readonly [Value, Value]): object => ({ [one]: ofOne, [other]: ofOther });
  return {
    profiles: [one, other],
    identical: isSame(comparison),
    operations,
    differences: differences.map(({ operation, line, answers, answer, effects, rule, follows, explanation }) => ({
      operation,
      line: line.line,
      in: line.source,
      path: answer?.path ?? 'fx',
      answers: both(answers),
      effects: both(effects),
      rule: rule ?? null,
      follows: follows ?? null,
      explanation: explanation ?? null,
    })),
    attributes: both([states[0].attributes, states[1].attributes]),
    hazards: both(hazards),
  };
}

function show(names: Profiles, comparison: ProfileComparison): void {
  const { operations, differences, states, hazards } = comparison;
  const [one, other] = names;
  if (isSame(comparison)) print(`the same on ${one} and ${other}: ${counted(operations, 'operation')}`);
  else
    print(
      `${differences.length} of ${counted(operations, 'operation')} ${differences.length === 1 ? 'goes' : 'go'} otherwise on ${other} than on ${one}`,
    );
  for (const difference of differences) showDifference(names, difference);
  const [ofOne, ofOther] = states.map(attributeLines) as [string[], string[]];
  print();
  print(bold('attributes at the end'));
  const onlyOne = ofOne.filter((line) => !ofOther.includes(line));
  const onlyOther = ofOther.filter((line) => !ofOne.includes(line));
  if (onlyOne.length + onlyOther.length === 0) print('  the same');
  for (const line of onlyOne) print(`  only ${one}: ${line}`);
  for (const line of onlyOther) print(`  only ${other}: ${line}`);
  if (onlyOne.length + onlyOther.length > 0 && comparison.attributesExplanation !== undefined)
    print(`  why: ${comparison.attributesExplanation}`);
  print(bold('hazards met'));
  for (const index of [0, 1] as const) print(`  ${names[index]}: ${hazards[index].join(', ') || 'none'}`);
}

function showDifference(names: Profiles, difference: ProfileDifference): void {
  const { operation, line, answers, answer, effects, follows, explanation } = difference;
  print();
  print(bold(`${operation}. ${operationSentence(line.operation, 1)} (line ${line.line})`));
  if (answer !== undefined) {
    const [one, other] = [answer.expected, answer.actual].map((value) => valueText(answer.path, value, difference));
    print(`  ${pathText(answer.path, difference)}: ${names[0]} ${one}, ${names[1]} ${other}`);
  }
  for (const index of [0, 1] as const) {
    // Where the call failed on one, effects that it did not have say nothing new.
    const told = effects[index].slice(0, MOST_EFFECTS).map(effectText);
    const more = effects[index].length - told.length;
    if (more > 0) told.push(`and ${more} more`);
    for (const text of told) print(`  only ${names[index]}: ${text}`);
  }
  if (answers.some(({ fatal }) => fatal !== undefined)) print('  the emulator refuses it on one of them');
  if (explanation === undefined) print('  why: no listed difference of the two revisions explains it');
  else if (follows === undefined) print(`  why: ${explanation}`);
  else print(`  why: it follows from operation ${follows}: ${explanation}`);
}

/** The place in an answer, as people call it. */
function pathText(path: string, { line: { operation } }: ProfileDifference): string {
  const value = /^values\[(\d+)\]$/.exec(path);
  if (value !== null && operation.name === 'get')
    return attributesText([[operation.types[Number(value[1])]!, 0]]).split('=')[0]!;
  return path === 'ret' ? 'result' : path;
}

function valueText(path: string, value: unknown, { line: { operation } }: ProfileDifference): string {
  if (path === 'ret' && typeof value === 'number') return value === 0 ? 'success' : (errnoName(value) ?? String(value));
  const index = /^values\[(\d+)\]$/.exec(path)?.[1];
  if (index !== undefined && operation.name === 'get' && typeof value === 'number')
    return attributesText([[operation.types[Number(index)]!, value]]).split('=')[1]!;
  return value === undefined ? 'nothing' : toJson(value);
}

function effectText(effect: TraceEffect): string {
  const { startPage, pages, flags } = pagesOf(effect);
  const told = { address: BigInt(startPage) << 12n, size: BigInt(pages) << 12n, count: 1 };
  const text = effectOf(effect)!.sentence(told).replace(/\.$/, '');
  return effect[0] === 'pte' ? `${text}, ${pteAccessLetters(flags)}` : text;
}

function attributeLines({ attributes }: ProfileComparison['states'][number]): string[] {
  return attributes.map((interval) => {
    const [first, end] = [interval.firstPage, interval.lastPage + 1].map(
      (page) => `0x${(BigInt(page) << 12n).toString(16)}`,
    );
    const flags = attributeFlagNames(interval.flags).join(' ') || 'no flags';
    return `${first}-${end} access ${accessName(interval.access)}, preferred ${locationName(interval.preferredLocation)}, prefetch ${locationName(interval.prefetchLocation)}, granularity ${interval.granularity}, ${flags}`;
  });
}
