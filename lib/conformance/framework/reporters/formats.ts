/** The names of the forms of a report: apart from the code that writes them, so that a help text needs none of it. */

/** Names of the formats of reports. */
export const REPORT_FORMATS = ['human', 'json', 'junit', 'tap', 'ktap', 'markdown', 'github-actions'] as const;
/** Name of a format of reports. */
export type ReportFormat = (typeof REPORT_FORMATS)[number];
