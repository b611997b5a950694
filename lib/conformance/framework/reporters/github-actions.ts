/** Annotations of a job of GitHub Actions: one for each case that is not as expected, and one for the run. */
import { newFailures } from '../compare.ts';
import type { Report, ReportedCase } from '../report.ts';
import { comparisonLines } from './comparison.ts';
import { describeFailure } from './human.ts';
import { properties, ranText } from './groups.ts';

export function renderGithubActions(report: Report): string {
  const news = new Set(newFailures(report));
  const { unexpected } = report.summary;
  const lines = report.cases
    .filter(({ expected }) => !expected)
    .map((each) => annotation(news.has(each) ? 'error' : 'warning', each.id, failureText(each)));
  const { ran, skips } = ranText(report);
  const about = [
    `${ran}, ${unexpected} not as expected${skips === '' ? '' : `; skipped: ${skips}`}`,
    ...(report.run.ended === null ? [] : [`not all were run: ${report.run.ended}`]),
    ...comparisonLines(report),
    properties(report)
      .map(([name, value]) => `${name} ${value}`)
      .join(', '),
  ];
  return [...lines, annotation('notice', 'amdgpu-svm conformance', about.join('\n')), ''].join('\n');
}

function failureText(each: ReportedCase): string {
  return `${describeFailure(each)}\nagain: amdgpu-svm conformance '${each.id}'${each.seed === undefined ? '' : ` --seed ${each.seed}`}`;
}

/** One command of a workflow; text of others cannot begin another one. */
function annotation(kind: 'error' | 'warning' | 'notice', title: string, text: string): string {
  const plain = (value: string): string => value.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  return `::${kind} title=${plain(title).replaceAll(':', '%3A').replaceAll(',', '%2C')}::${plain(text)}`;
}
