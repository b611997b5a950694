/** The report as the summary of a CI job. */
import type { Report, ReportedCase } from '../report.ts';
import { quirkTable } from '../report.ts';
import { byGroup, names, skipReasons, targetText } from './groups.ts';

const MOST_FAILURES = 50;

export function renderMarkdown(report: Report): string {
  const { total, pass, skip, unexpected } = report.summary;
  const lines = [
    `## amdgpu-svm conformance: ${unexpected === 0 ? 'as expected' : `${unexpected} not as expected`}`,
    '',
    `${total} cases on ${targetText(report)}, seed ${report.run.seed}: ${pass} passed, ${skip} skipped.`,
    '',
    `Kernel ${text(report.environment.kernel)}, driver ${text(report.target.driver)}, amdgpu-svm ${text(report.environment.package)}, Node ${text(report.environment.node)}; ${text(report.environment.host)}, ${report.environment.date}.`,
    '',
    '| group | pass | skip | fail |',
    '| --- | ---: | ---: | ---: |',
    ...byGroup(report).map(
      ({ path, summary }) =>
        `| ${path} | ${summary.pass} | ${summary.skip} | ${summary.fail + summary.timeout + summary.crash} |`,
    ),
  ];
  const bad = report.cases.filter(({ expected }) => !expected);
  if (bad.length > 0) {
    lines.push('', '### Not as expected', '');
    for (const each of bad.slice(0, MOST_FAILURES)) lines.push(...failure(each));
    if (bad.length > MOST_FAILURES) lines.push(`... and ${bad.length - MOST_FAILURES} more.`);
  }
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

function failure(each: ReportedCase): string[] {
  return [`* \`${each.id}\` (${each.status}): ${text(each.title)}`, `  ${text(each.reason)}`];
}

/** Text that must not become markup. */
function text(plain: string): string {
  return plain.replaceAll(/\s*\n\s*/g, ' ').replaceAll(/[\\`*_<>[\]|#]/g, '\\$&');
}
