/** The forms in which a report can be written. */
import type { Report } from '../report.ts';
import type { ReportFormat } from './formats.ts';
import { renderHuman } from './human.ts';
import { renderJunit } from './junit.ts';
import { renderMarkdown } from './markdown.ts';
import { renderKtap, renderTap } from './tap.ts';

const RENDERERS = {
  human: (report) => renderHuman(report),
  json: (report) => `${JSON.stringify(report, undefined, 1)}\n`,
  junit: renderJunit,
  tap: renderTap,
  ktap: renderKtap,
  markdown: renderMarkdown,
} satisfies Record<ReportFormat, (report: Report) => string>;

/** The report as text that ends in a newline. */
export function renderReport(format: ReportFormat, report: Report): string {
  return RENDERERS[format](report);
}
