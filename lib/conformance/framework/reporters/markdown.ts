/** The report as the summary of a CI job. */
import type { Report, ReportedCase } from '../report.ts';
import { quirkTable } from '../report.ts';
import { comparisonLines } from './comparison.ts';
import { byGroup, names, ranText, skipReasons } from './groups.ts';

const MOST_FAILURES = 50;

export function renderMarkdown(report: Report): string {
  const { pass, skip, unexpected, 'not-run': notRun } = report.summary;
  const { ran, skips } = ranText(report);
  const lines = [
    `## amdgpu-svm conformance: ${unexpected === 0 ? 'as expected' : `${unexpected} not as expected`}`,
    '',
    `${ran}, seed ${report.run.seed}: ${pass} passed; ${skip} skipped${skip === 0 ? '' : `: ${skips}`}.`,
    ...(report.run.ended === null ? [] : ['', `${notRun} not run: ${text(report.run.ended)}.`]),
    ...kernelLines(report),
    '',
    `Kernel ${text(report.environment.kernel)}, driver ${text(report.target.driver)}, amdgpu-svm ${text(report.environment.package)}, Node ${text(report.environment.node)}; ${text(report.environment.host)}, ${report.environment.date}.`,
    '',
    '| group | pass | skip | fail |',
    '| --- | ---: | ---: | ---: |',
    ...byGroup(report).map(
      ({ path, summary }) =>
        `| ${path} | ${summary.pass} | ${summary.skip} | ${summary.fail + summary.timeout + summary.crash + summary['not-run']} |`,
    ),
  ];
  const bad = report.cases.filter(({ expected, status }) => !expected && status !== 'not-run');
  if (bad.length > 0) {
    lines.push('', '### Not as expected', '');
    for (const each of bad.slice(0, MOST_FAILURES)) lines.push(...failure(each));
    if (bad.length > MOST_FAILURES) lines.push(`... and ${bad.length - MOST_FAILURES} more.`);
  }
  const compared = comparisonLines(report);
  if (compared.length > 0) lines.push('', '### Changes', '', ...compared.map((line) => `* ${text(line)}`));
  const quirks = quirkTable(report.cases);
  if (quirks.size > 0) {
    const correct = names(quirks, 'correct');
    lines.push(
      '',
      `Quirks that the device shows: ${names(quirks, 'quirk').length} of ${quirks.size}${correct.length === 0 ? '' : `; correct instead: ${correct.join(', ')}`}.`,
    );
  }
  const reasons = skipReasons(report);
  if (reasons.length > 0) {
    lines.push(
      '',
      '<details><summary>Skipped</summary>',
      '',
      ...reasons.map(([reason, count]) => `* ${count}: ${text(reason)}`),
      '',
      '</details>',
    );
  }
  return `${lines.join('\n')}\n`;
}

/** What the kernel said while the cases ran, where it said something. */
function kernelLines({ kernel }: Report): string[] {
  return (kernel?.notes ?? []).flatMap(({ group, lines, taint }) => [
    '',
    `The kernel while ${text(group)} ran${taint === undefined ? '' : `; it was ${text(taint[0])} and is ${text(taint[1])}`}:`,
    '',
    ...lines.map((line) => `* ${text(line)}`),
  ]);
}

function failure(each: ReportedCase): string[] {
  return [`* \`${each.id}\` (${each.status}): ${text(each.title)}`, `  ${text(each.reason)}`];
}

/** Text that must not become markup. */
function text(plain: string): string {
  return plain.replaceAll(/\s*\n\s*/g, ' ').replaceAll(/[\\`*_<>[\]|#]/g, '\\$&');
}
