/** The forms in which a report can be written. */
import type { Report } from '../report.ts';
import type { ReportFormat } from './formats.ts';
import { renderGithubActions } from './github-actions.ts';
import { renderHuman } from './human.ts';
import { renderJunit } from './junit.ts';
import { renderMarkdown } from './markdown.ts';
import { renderKtap, renderTap } from './tap.ts';

const RENDERERS = {
  human: (report) => renderHuman(report),
  json: (report) => `${JSON.stringify(report, undefined, 1)}\n`,
  junit: (report) => renderJunit(report),
  tap: renderTap,
  ktap: renderKtap,
  markdown: renderMarkdown,
  'github-actions': renderGithubActions,
} satisfies Record<ReportFormat, (report: Report) => string>;

/** The report as text that ends in a newline. */
export function renderReport(format: ReportFormat, report: Report): string {
  return RENDERERS[format](report);
}

/** JUnit with nothing but the cases that are not as expected. */
export function renderJunitFailures(report: Report): string {
  return renderJunit(report, { failuresOnly: true });
}
