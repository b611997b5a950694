/** The forms in which a report can be written. */
import type { Report } from '../report.ts';
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
} satisfies Record<string, (report: Report) => string>;

/** Name of a format of reports. */
export type ReportFormat = keyof typeof RENDERERS;
/** Names of the formats of reports. */
export const REPORT_FORMATS = Object.keys(RENDERERS) as readonly ReportFormat[];

/** The report as text that ends in a newline. */
export function renderReport(format: ReportFormat, report: Report): string {
  return RENDERERS[format](report);
}
