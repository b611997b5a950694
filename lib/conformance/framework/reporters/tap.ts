/** TAP 14 and the kernel's KTAP: one subtest for each group. */
import type { Report, ReportedCase } from '../report.ts';
import { byGroup, properties } from './groups.ts';

/** TAP version 14: details of failures as YAML blocks. */
export function renderTap(report: Report): string {
  const groups = byGroup(report);
  const lines = ['TAP version 14', ...comments(report), `1..${groups.length}`];
  for (const [index, { path, cases, summary }] of groups.entries()) {
    lines.push(`# Subtest: ${escape(path)}`, `    1..${cases.length}`);
    for (const [number, each] of cases.entries()) {
      lines.push(`    ${result(each)} ${number + 1} - ${escape(each.id)}${directive(each)}`);
      if (!each.expected) lines.push(...yaml(each).map((line) => `      ${line}`));
    }
    lines.push(`${summary.unexpected === 0 ? 'ok' : 'not ok'} ${index + 1} - ${escape(path)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** KTAP version 1: details of failures as diagnostic lines before the result. */
export function renderKtap(report: Report): string {
  const groups = byGroup(report);
  const lines = ['KTAP version 1', `1..${groups.length}`, ...comments(report)];
  for (const [index, { path, cases, summary }] of groups.entries()) {
    lines.push('  KTAP version 1', `  # Subtest: ${path}`, `  1..${cases.length}`);
    for (const [number, each] of cases.entries()) {
      if (!each.expected)
        for (const line of [each.reason, ...each.log].join('\n').split('\n')) lines.push(`  # ${line}`);
      lines.push(`  ${result(each)} ${number + 1} ${plain(each.id)}${directive(each)}`);
    }
    lines.push(`${summary.unexpected === 0 ? 'ok' : 'not ok'} ${index + 1} ${path}`);
  }
  return `${lines.join('\n')}\n`;
}

/** What was tested, and where, a line each. */
function comments(report: Report): string[] {
  return properties(report).map(([name, value]) => `# ${name}: ${oneLine(value)}`);
}

function result({ expected }: ReportedCase): string {
  return expected ? 'ok' : 'not ok';
}

function directive(each: ReportedCase): string {
  if (each.status === 'skip' && each.expected) return ` # SKIP ${oneLine(each.reason)}`;
  // A known failure: the reader sees that it failed and that nobody is surprised.
  if (each.expected && each.status !== 'pass')
    return ` # SKIP expected ${each.status}: ${oneLine(each.expectation?.reason ?? '')}`;
  return '';
}

function yaml(each: ReportedCase): string[] {
  return [
    '---',
    `status: ${JSON.stringify(each.status)}`,
    `message: ${JSON.stringify(each.reason)}`,
    `title: ${JSON.stringify(each.title)}`,
    `source: ${JSON.stringify(each.source)}`,
    `operations: ${JSON.stringify(each.log)}`,
    '...',
  ];
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ');
}

/** A description in TAP: # would begin a directive. */
function escape(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('#', '\\#');
}

/** KTAP knows no escape. */
function plain(text: string): string {
  return text.replaceAll('#', '_');
}
