import { describe, expect, it } from 'vitest';
import { compareReports, newFailures } from './compare.ts';
import type { Report, ReportedCase } from './report.ts';
import { REPORT_SCHEMA, summarize } from './report.ts';
import type { Status } from './run-case.ts';

function reportOf(statuses: Readonly<Record<string, Status | 'known'>>, queries: readonly string[] = []): Report {
  const cases = Object.entries(statuses).map(([id, status]): ReportedCase => ({
    id,
    group: 'demo',
    title: '',
    source: '',
    status: status === 'known' ? 'fail' : status,
    reason: '',
    expected: ['pass', 'skip', 'known'].includes(status),
    expectation: null,
    checks: 0,
    findings: [],
    log: [],
  }));
  return {
    schema: REPORT_SCHEMA,
    target: { backend: 'emulated', profile: 'v4', driver: '', xnack: 'on', device: 'gfx942' },
    environment: { package: '1', node: '', kernel: '', host: '', date: '2026-06-12' },
    run: {
      seed: 1,
      rounds: 1,
      queries,
      exclude: [],
      shard: null,
      expectQuirks: false,
      stoppedEarly: false,
      ended: null,
    },
    summary: summarize(cases),
    kernel: null,
    cases,
  };
}

describe('compareReports', () => {
  const earlier = reportOf({
    a: 'pass',
    b: 'pass',
    c: 'fail',
    d: 'fail',
    e: 'skip',
    f: 'pass',
    g: 'crash',
    old: 'pass',
  });
  const now = reportOf({
    a: 'pass',
    b: 'fail',
    c: 'pass',
    d: 'timeout',
    e: 'crash',
    f: 'skip',
    g: 'known',
    h: 'pass',
    i: 'fail',
  });
  const comparison = compareReports(now, earlier);

  it('names what is worse, better, and as it was', () => {
    expect(comparison).toEqual({
      target: earlier.target,
      date: '2026-06-12',
      regressions: [
        { id: 'b', before: 'pass', now: 'fail' },
        { id: 'e', before: 'skip', now: 'crash' },
      ],
      failing: ['d'],
      fixed: [
        { id: 'c', before: 'fail', now: 'pass' },
        { id: 'g', before: 'crash', now: 'fail' },
      ],
      skipped: ['f'],
      added: { total: 2, failing: ['i'] },
      missing: ['old'],
    });
  });

  it('does not miss cases that were not asked for', () => {
    expect(compareReports(reportOf({ a: 'pass' }, ['demo:a']), earlier).missing).toBe(null);
  });

  it('leaves as news what the earlier report does not have as failures', () => {
    expect(newFailures(now).map(({ id }) => id)).toEqual(['b', 'd', 'e', 'i']);
    expect(newFailures({ ...now, comparison }).map(({ id }) => id)).toEqual(['b', 'e', 'i']);
  });
});
