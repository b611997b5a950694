/** JUnit XML in the form that Jenkins published a schema for; CI systems read it. */
import type { Report, ReportedCase } from '../report.ts';
import { byGroup, properties } from './groups.ts';
import { counted } from '../../../words/counted.ts';

/** `failuresOnly`: just the cases that are not as expected, and the groups that have some. */
export function renderJunit(
  report: Report,
  { failuresOnly = false }: { readonly failuresOnly?: boolean } = {},
): string {
  const { total, unexpected, skip } = report.summary;
  const told = failuresOnly ? { ...report, cases: report.cases.filter(({ expected }) => !expected) } : report;
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="amdgpu-svm conformance" ${numbers(told.cases)}>`,
  ];
  for (const { path, cases } of byGroup(told)) {
    const skipped = cases.filter(isSkip).length;
    lines.push(`  <testsuite name="${escape(path)}" ${numbers(cases)} skipped="${skipped}">`);
    lines.push('    <properties>');
    for (const [name, value] of properties(report))
      lines.push(`      <property name="${escape(name)}" value="${escape(value)}"/>`);
    lines.push('    </properties>');
    for (const each of cases) lines.push(...testCase(each));
    lines.push('  </testsuite>');
  }
  lines.push('</testsuites>', `<!-- ${counted(total, 'case')}, ${skip} skipped, ${unexpected} not as expected -->`);
  return `${lines.join('\n')}\n`;
}

/** The attributes that count cases, and say how long they took if that is known. */
function numbers(cases: readonly ReportedCase[]): string {
  return `tests="${cases.length}" failures="${failures(cases)}" errors="${errors(cases)}"${timeOf(cases)}`;
}

/** The attribute `time`, in seconds; '' where no case has one. */
function timeOf(cases: readonly ReportedCase[]): string {
  const timed = cases.flatMap(({ milliseconds }) => milliseconds ?? []);
  if (timed.length === 0) return '';
  return ` time="${(timed.reduce((sum, each) => sum + each, 0) / 1000).toFixed(6)}"`;
}

function testCase(each: ReportedCase): string[] {
  const time = timeOf([each]);
  const head = `    <testcase classname="${escape(each.group)}" name="${escape(each.id.slice(each.group.length + 1))}"${time}`;
  if (each.status === 'pass' && each.expected) return [`${head}/>`];
  const text = escape([`${each.title} (${each.source})`, each.reason, ...each.log].join('\n'));
  const message = escape(each.reason);
  if (each.expected) {
    // A known failure is no news: it is reported as skipped, with its reason.
    const why = each.status === 'skip' ? message : escape(`expected ${each.status}: ${each.expectation?.reason ?? ''}`);
    return [`${head}>`, `      <skipped>${why}</skipped>`, '    </testcase>'];
  }
  const element = isError(each) ? 'error' : 'failure';
  return [
    `${head}>`,
    `      <${element} type="${each.status}" message="${message}">${text}</${element}>`,
    '    </testcase>',
  ];
}

function isError({ expected, status }: ReportedCase): boolean {
  return !expected && (status === 'crash' || status === 'timeout' || status === 'not-run');
}

function isSkip({ expected, status }: ReportedCase): boolean {
  return expected && status !== 'pass';
}

function errors(cases: readonly ReportedCase[]): number {
  return cases.filter(isError).length;
}

function failures(cases: readonly ReportedCase[]): number {
  return cases.filter((each) => !each.expected && !isError(each)).length;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
};

/** Text as an attribute value or content; what XML has no place for becomes U+FFFD. */
function escape(text: string): string {
  return (
    text
      // oxlint-disable-next-line no-control-regex -- these are the characters that XML 1.0 forbids
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
      .replaceAll(/[&<>"\n]/g, (character) => ENTITIES[character]!)
  );
}
