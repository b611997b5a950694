import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { Parser } from 'tap-parser';
import type { FinalResults } from 'tap-parser';
import { describe, expect, it } from 'vitest';
import { validateXML } from 'xmllint-wasm';
import type { Report, ReportedCase } from '../report.ts';
import { REPORT_SCHEMA, summarize } from '../report.ts';
import { compareReports } from '../compare.ts';
import { REPORT_FORMATS } from './formats.ts';
import { renderJunitFailures, renderReport } from './index.ts';

const nasty = 'a < b && "c" #SKIP\nline 2 \u0007 \\ ]]> `|` \u{1f600}';
const base: ReportedCase = {
  id: 'demo,one:first:n=1',
  group: 'demo,one',
  title: nasty,
  source: 'spec/01-uapi §6',
  status: 'pass',
  reason: '',
  expected: true,
  expectation: null,
  checks: 3,
  findings: [{ quirk: 'Q13', shows: 'quirk' }],
  log: [],
};
const cases: ReportedCase[] = [
  base,
  {
    ...base,
    id: 'demo,one:second:k="a#b"',
    status: 'fail',
    reason: nasty,
    expected: false,
    log: ['map 0x1000', nasty],
    findings: [{ quirk: 'Q14', shows: 'correct' }],
  },
  { ...base, id: 'demo,one:known:', status: 'fail', reason: 'as ever', expectation: { kind: 'fail', reason: nasty } },
  {
    ...base,
    id: 'demo,one:better:',
    reason: 'passes, but is expected to fail: x',
    expected: false,
    expectation: { kind: 'fail', reason: 'x' },
  },
  {
    ...base,
    id: 'demo,two:skipped:',
    group: 'demo,two',
    status: 'skip',
    reason: `needs ${nasty}`,
    checks: 0,
    findings: [{ quirk: 'Q13', shows: 'correct' }],
  },
  {
    ...base,
    id: 'demo,two:hangs:',
    group: 'demo,two',
    status: 'timeout',
    reason: 'still waiting',
    expected: false,
    milliseconds: 1234.5,
  },
  {
    ...base,
    id: 'demo,two:dies:',
    group: 'demo,two',
    status: 'crash',
    reason: 'SIGSEGV',
    expected: false,
    seed: 4,
    recording: 'x.jsonl',
  },
];
const report: Report = {
  schema: REPORT_SCHEMA,
  target: { backend: 'emulated', profile: 'v4', driver: nasty, xnack: 'on', device: 'gfx942', fallbackReason: nasty },
  environment: {
    package: '1.2.3',
    node: 'v22.0.0',
    kernel: 'Linux 7.2.0 x64',
    host: 'here',
    date: '2026-06-12T00:00:00.000Z',
  },
  run: {
    seed: 1,
    rounds: 1,
    queries: ['demo'],
    exclude: [],
    shard: { index: 1, count: 2 },
    expectQuirks: false,
    stoppedEarly: false,
    ended: null,
  },
  summary: summarize(cases),
  kernel: {
    logReason: '',
    taint: 'not tainted',
    counts: { faults: 7, invalidations: 3 },
    notes: [{ group: 'demo,one', lines: [nasty], taint: ['not tainted', 'tainted 512 (W: a warning)'] }],
  },
  cases,
};

/** The results as a reader of TAP understands them. */
function parsed(text: string): { results: FinalResults; asserts: string[] } {
  const asserts: string[] = [];
  const listen = (parser: Parser): void => {
    parser.on('assert', (each) =>
      asserts.push(`${each.ok ? 'ok' : 'not ok'}${each.skip === false ? '' : ' skip'} ${each.name}`),
    );
    parser.on('child', listen);
  };
  let results: FinalResults | undefined;
  const parser = new Parser({ strict: true }, (final) => (results = final));
  listen(parser);
  parser.end(text);
  return { results: results!, asserts };
}

describe('the reporters', () => {
  it.each(REPORT_FORMATS)('%s ends in a newline and is the same twice', (format) => {
    const text = renderReport(format, report);
    expect(text.endsWith('\n')).toBe(true);
    expect(renderReport(format, report)).toBe(text);
  });

  it.each(REPORT_FORMATS)('%s says what was tested, where and when', (format) => {
    const text = renderReport(format, report);
    for (const value of ['v4', '1.2.3', 'v22.0.0', 'Linux 7.2.0 x64', 'here', '2026-06-12T00:00:00.000Z', 'a '])
      expect(text).toContain(value);
  });

  it('json keeps its schema', () => {
    const schema = JSON.parse(
      readFileSync(new URL('../../../../docs/conformance-report.schema.json', import.meta.url), 'utf8'),
    ) as object;
    const validate = new Ajv({ strict: true, allErrors: true }).compile(schema);
    const value = JSON.parse(renderReport('json', report)) as object;
    expect(validate(value), JSON.stringify(validate.errors)).toBe(true);
    expect(value).toEqual(report);
    expect(validate({ ...value, extra: 1 })).toBe(false);
  });

  it('junit keeps the schema of Jenkins', async () => {
    const schema = readFileSync(new URL('../../../../test/schemas/jenkins-junit.xsd', import.meta.url), 'utf8');
    const check = async (contents: string) =>
      validateXML({
        xml: [{ fileName: 'junit.xml', contents }],
        schema: [{ fileName: 'junit.xsd', contents: schema }],
      });
    const text = renderReport('junit', report);
    expect(await check(text)).toMatchObject({ valid: true });
    expect(text).toContain('tests="7" failures="2" errors="2"');
    expect(text).toContain('time="1.234500"');
    // Of the group and of all.
    expect(text).toMatch(/<testsuites [^>]*time="1\.234500"/);
    expect(text).toMatch(/<testsuite name="demo,two" [^>]*time="1\.234500"/);
    // The schema says no where something is wrong.
    expect(await check(text.replaceAll('testcase', 'case'))).toMatchObject({ valid: false });
  });

  it('junit of failures only has nothing else', async () => {
    const text = renderJunitFailures(report);
    expect([...text.matchAll(/<testcase classname="([^"]*)"/g)].map(([, group]) => group)).toEqual([
      'demo,one',
      'demo,one',
      'demo,two',
      'demo,two',
    ]);
    expect(text).toContain('tests="4" failures="2" errors="2"');
    const none = { ...report, cases: cases.filter(({ expected }) => expected) };
    expect(renderJunitFailures(none)).toContain('tests="0" failures="0" errors="0"');
    expect(renderJunitFailures(none)).not.toContain('<testsuite ');
  });

  it('github-actions has one command for each line, whatever the texts hold', () => {
    const lines = renderReport('github-actions', report).trimEnd().split('\n');
    expect(lines.map((line) => /^::(error|notice) title=([^:]*)::/.exec(line)?.slice(1))).toEqual([
      ['error', 'demo%2Cone%3Asecond%3Ak="a#b"'],
      ['error', 'demo%2Cone%3Abetter%3A'],
      ['error', 'demo%2Ctwo%3Ahangs%3A'],
      ['error', 'demo%2Ctwo%3Adies%3A'],
      ['notice', 'amdgpu-svm conformance'],
    ]);
    expect(lines[3]).toContain("%0Aagain: amdgpu-svm conformance 'demo,two:dies:' --seed 4");
  });

  it('github-actions, human and markdown tell what has changed since an earlier report', () => {
    const earlier: Report = {
      ...report,
      cases: cases.flatMap((each) =>
        each.id === 'demo,two:dies:'
          ? []
          : [each.id === 'demo,two:hangs:' ? { ...each, status: 'pass', expected: true } : each],
      ),
    };
    const compared = { ...report, comparison: compareReports(report, earlier) };
    for (const format of ['github-actions', 'human', 'markdown'] as const) {
      const text = renderReport(format, compared).replaceAll('\\', '').replaceAll('%0A', '\n');
      expect(text).toContain('regression: demo,two:hangs: (pass -> timeout)');
      expect(text).toContain('new, and not as expected: demo,two:dies:');
      expect(text).toContain('1 regression, 0 fixed, 2 failing as before, 1 new');
    }
    // What failed before is a warning.
    const kinds = [...renderReport('github-actions', compared).matchAll(/^::(\w+)/gm)].map(([, kind]) => kind);
    expect(kinds).toEqual(['warning', 'warning', 'error', 'error', 'notice']);
    const schema = JSON.parse(
      readFileSync(new URL('../../../../docs/conformance-report.schema.json', import.meta.url), 'utf8'),
    ) as object;
    const validate = new Ajv({ strict: true, allErrors: true }).compile(schema);
    expect(validate(JSON.parse(renderReport('json', compared))), JSON.stringify(validate.errors)).toBe(true);
  });

  it('tap is read back by a strict parser', () => {
    const { results, asserts } = parsed(renderReport('tap', report));
    expect(results.failures.map(({ tapError }) => tapError).filter(Boolean)).toEqual([]);
    expect(results).toMatchObject({ bailout: false, count: 2, pass: 0, fail: 2 });
    expect(asserts).toEqual([
      'ok demo,one:first:n=1',
      'not ok demo,one:second:k="a#b"',
      'ok skip demo,one:known:',
      'not ok demo,one:better:',
      'not ok demo,one',
      'ok skip demo,two:skipped:',
      'not ok demo,two:hangs:',
      'not ok demo,two:dies:',
      'not ok demo,two',
    ]);
  });

  it('ktap has the lines that the kernel documents', () => {
    const lines = renderReport('ktap', report).trimEnd().split('\n');
    expect(lines.filter((line) => !line.startsWith('# ')).slice(0, 5)).toEqual([
      'KTAP version 1',
      '1..2',
      '  KTAP version 1',
      '  # Subtest: demo,one',
      '  1..4',
    ]);
    // Result lines are "(ok|not ok) NUMBER DESCRIPTION [# DIRECTIVE]", everything else is a plan, a version or a comment.
    for (const line of lines)
      expect(line).toMatch(/^( {2})?(KTAP version 1|1\.\.\d+|# .*|(not )?ok \d+ [^#]+( # SKIP .*)?)$/);
    expect(lines.filter((line) => line.startsWith('not ok'))).toEqual(['not ok 1 demo,one', 'not ok 2 demo,two']);
  });

  it('human and markdown name what is not as expected, the quirks and the skips', () => {
    const human = renderReport('human', report);
    for (const text of [
      'FAIL demo,one:second:k="a#b"',
      'UNEXPECTED PASS demo,one:better:',
      'TIMEOUT demo,two:hangs:',
      'CRASH demo,two:dies:',
      '  seed 4',
      'both, in different cases: Q13',
      'correct instead: Q14',
      '4 not as expected',
      '6 of 7 cases ran on emulated gfx942, v4: ',
      'on the whole machine: 7 faults, 3 invalidations',
      'demo,one: THE KERNEL WAS not tainted AND IS tainted 512 (W: a warning)',
    ]) {
      expect(human).toContain(text);
    }
    expect(human).not.toContain('demo,one:known:');
    const markdown = renderReport('markdown', report);
    expect(markdown).toContain('| demo,one | 2 | 0 | 2 |');
    expect(markdown).toContain('`demo,two:dies:` (crash)');
    expect(markdown).not.toContain('\u0007"c"');
  });
});
