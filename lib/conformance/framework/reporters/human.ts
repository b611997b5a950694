/** The report for a person at a terminal. */
import { styleText } from 'node:util';
import type { Report, ReportedCase } from '../report.ts';
import { quirkTable } from '../report.ts';
import { comparisonLines } from './comparison.ts';
import { byGroup, names, properties, ranText, skipReasons } from './groups.ts';
import { counted } from '../../../words/counted.ts';

const LAST_OPERATIONS = 8;
/** What the last line does not say. */
const SHOWN: readonly string[] = ['driver', 'kernel', 'package', 'node', 'host', 'date'];

/** A case that is not as expected: what, why, and the operations that led there. */
export function describeFailure(each: ReportedCase, colour = false): string {
  const head = `${each.status === 'pass' ? 'UNEXPECTED PASS' : each.status.toUpperCase()} ${each.id}`;
  const more = each.log.length - LAST_OPERATIONS;
  return [
    colour ? styleText('red', head) : head,
    `  ${each.title} (${each.source})`,
    `  ${each.reason}`,
    ...(each.seed === undefined ? [] : [`  seed ${each.seed}`]),
    ...(more > 0 ? [`    ... ${counted(more, 'operation')} before`] : []),
    ...each.log.slice(-LAST_OPERATIONS).map((line) => `    ${line}`),
  ].join('\n');
}

/** The summary; failures are listed first unless they were printed while the suite ran. */
export function renderHuman(
  report: Report,
  options: { readonly colour?: boolean; readonly failures?: boolean } = {},
): string {
  const { colour = false, failures = true } = options;
  const lines: string[] = [];
  // What was not run has one reason, which the last line says.
  const bad = report.cases.filter(({ expected, status }) => !expected && status !== 'not-run');
  if (failures) for (const each of bad) lines.push(describeFailure(each, colour));
  const groups = byGroup(report);
  const width = Math.max(5, ...groups.map(({ path }) => path.length));
  lines.push(`${'group'.padEnd(width)}   pass   skip   fail`);
  for (const { path, summary } of groups) {
    const bad = summary.fail + summary.timeout + summary.crash + summary['not-run'];
    const row = `${path.padEnd(width)} ${String(summary.pass).padStart(6)} ${String(summary.skip).padStart(6)} ${String(bad).padStart(6)}`;
    lines.push(colour && summary.unexpected > 0 ? styleText('red', row) : row);
  }
  const reasons = skipReasons(report);
  if (reasons.length > 0) {
    lines.push('', 'skipped:');
    for (const [reason, count] of reasons) lines.push(`${String(count).padStart(6)}  ${reason}`);
  }
  const quirks = quirkTable(report.cases);
  if (quirks.size > 0) {
    const correct = names(quirks, 'correct');
    const both = names(quirks, 'both');
    lines.push('', `quirks that the device shows: ${names(quirks, 'quirk').length} of ${quirks.size}`);
    if (correct.length > 0) lines.push(`  correct instead: ${correct.join(' ')}`);
    if (both.length > 0) lines.push(`  both, in different cases: ${both.join(' ')}`);
  }
  lines.push(...kernelLines(report));
  const compared = comparisonLines(report);
  if (compared.length > 0) lines.push('', ...compared);
  const shown = properties(report).filter(([name]) => SHOWN.includes(name));
  lines.push('', ...shown.map(([name, value]) => `${name.padEnd(8)} ${value}`), '', totals(report, colour));
  return `${lines.join('\n')}\n`;
}

/** What the kernel said while the cases ran. */
function kernelLines({ kernel }: Report): string[] {
  if (kernel === null) return [];
  const { logReason, taint, notes, counts } = kernel;
  const lines = [
    '',
    `kernel log: ${logReason === '' ? (notes.length === 0 ? 'nothing to be seen' : 'see below') : `not read: ${logReason}`}; ${taint} at the begin`,
  ];
  lines.push(
    typeof counts === 'string'
      ? `faults of the driver: not counted: ${counts}`
      : `of the driver, on the whole machine: ${counted(counts.faults, 'fault')}, ${counted(counts.invalidations, 'invalidation')}`,
  );
  for (const { group, lines: said, taint: changed } of notes) {
    lines.push(`  ${group}:${changed === undefined ? '' : ` THE KERNEL WAS ${changed[0]} AND IS ${changed[1]}`}`);
    lines.push(...said.map((line) => `    ${line}`));
  }
  return lines;
}

/** Statuses that are the outcome of a case, but for a pass. */
const HAPPENED: ReadonlySet<string> = new Set(['fail', 'timeout', 'crash']);

function totals(report: Report, colour: boolean): string {
  const { pass, skip, fail, timeout, crash, unexpected, 'not-run': notRun } = report.summary;
  const known =
    fail + timeout + crash - report.cases.filter((each) => !each.expected && HAPPENED.has(each.status)).length;
  const parts = [
    `${pass} passed`,
    `${fail} failed`,
    ...(timeout > 0 ? [`${timeout} timed out`] : []),
    ...(crash > 0 ? [`${crash} crashed`] : []),
    ...(known > 0 ? [`${known} of them expected`] : []),
  ];
  const { ran, skips } = ranText(report);
  const text = [
    `${ran}: ${parts.join(', ')}`,
    ...(skip === 0 ? [] : [`${skip} skipped: ${skips}`]),
    ...(report.run.ended === null ? [] : [`${notRun} not run: ${report.run.ended}`]),
    ...(unexpected === 0 ? [] : [`${unexpected} not as expected`]),
    ...(report.run.stoppedEarly ? ['stopped at the first'] : []),
  ].join('; ');
  return colour ? styleText(unexpected === 0 ? 'green' : 'red', text) : text;
}
