/** The report for a person at a terminal. */
import { styleText } from 'node:util';
import type { Report, ReportedCase } from '../report.ts';
import { quirkTable } from '../report.ts';
import { byGroup, names, properties, skipReasons, targetText } from './groups.ts';

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
    ...(more > 0 ? [`    ... ${more} operations before`] : []),
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
  if (failures) for (const each of report.cases) if (!each.expected) lines.push(describeFailure(each, colour));
  const groups = byGroup(report);
  const width = Math.max(5, ...groups.map(({ path }) => path.length));
  lines.push(`${'group'.padEnd(width)}   pass   skip   fail`);
  for (const { path, summary } of groups) {
    const bad = summary.fail + summary.timeout + summary.crash;
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
  const shown = properties(report).filter(([name]) => SHOWN.includes(name));
  lines.push('', ...shown.map(([name, value]) => `${name.padEnd(8)} ${value}`), '', totals(report, colour));
  return `${lines.join('\n')}\n`;
}

function totals(report: Report, colour: boolean): string {
  const { total, pass, skip, fail, timeout, crash, unexpected } = report.summary;
  const known =
    fail +
    timeout +
    crash -
    report.cases.filter((each) => !each.expected && each.status !== 'pass' && each.status !== 'skip').length;
  const parts = [
    `${pass} passed`,
    `${skip} skipped`,
    `${fail} failed`,
    ...(timeout > 0 ? [`${timeout} timed out`] : []),
    ...(crash > 0 ? [`${crash} crashed`] : []),
    ...(known > 0 ? [`${known} of them expected`] : []),
  ];
  const text = `${total} cases on ${targetText(report)}: ${parts.join(', ')}${unexpected === 0 ? '' : `; ${unexpected} not as expected`}${report.run.stoppedEarly ? '; stopped at the first' : ''}`;
  return colour ? styleText(unexpected === 0 ? 'green' : 'red', text) : text;
}
