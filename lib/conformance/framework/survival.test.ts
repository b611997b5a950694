/** What is left of a run that something ends, and what is said of what did not run. */
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CaseGroup } from './case.ts';
import { ExpectedSkips } from './expected-skips.ts';
import { reportOfJournal, ReportJournal } from './journal.ts';
import { KernelProbes, readCount } from './kernel-probes.ts';
import { KernelWatch } from './kernel-watch.ts';
import { joinReports, readReport } from './merge.ts';
import { skipKind } from './run-case.ts';
import { renderHuman } from './reporters/human.ts';
import type { ReportedCase } from './report.ts';
import { runCases } from './run.ts';
import type { RunOptions } from './run.ts';
import { Target } from './target.ts';
import { temporaryFolder } from '../../../test/support/after-file.ts';

const folder = temporaryFolder();
const file = (name: string, text = ''): string => {
  const name_ = path.join(folder, name);
  writeFileSync(name_, text);
  return name_;
};

const interruption = { stop: (): void => undefined };
const one = new CaseGroup('demo,one', 'x');
for (const name of ['a', 'b'])
  one
    .case(name, 'x')
    .source('x')
    .run((t) => t.ok(true, 'x'));
const two = new CaseGroup('demo,two', 'x');
two
  .case('stops', 'ends the run while it waits')
  .source('x')
  .run(async (t) => {
    t.ok(true, 'x');
    interruption.stop();
    await new Promise((settle) => setTimeout(settle, 20));
  });
two
  .case('after', 'x')
  .source('x')
  .run((t) => t.ok(true, 'x'));
two
  .case('off', 'x')
  .source('x')
  .needs('xnack-off')
  .run((t) => t.ok(true, 'x'));
two.case('planned', 'x').source('x').unimplemented('later');
const cases = [...one.concreteCases(), ...two.concreteCases()];
const run = (options: RunOptions = {}) => runCases(cases, { target: { backend: 'emulated' }, ...options });
const statuses = (reported: readonly ReportedCase[]): Record<string, string> =>
  Object.fromEntries(reported.map(({ id, status }) => [id.replace(/^demo,/, ''), status]));

describe('a run that is interrupted', () => {
  it('keeps what ran, and says of the rest that it did not', async () => {
    const controller = new AbortController();
    interruption.stop = () => controller.abort('it was ended by SIGINT');
    const report = await run({ signal: controller.signal });
    interruption.stop = () => undefined;
    expect(statuses(report.cases)).toEqual({
      'one:a:': 'pass',
      'one:b:': 'pass',
      'two:stops:': 'not-run',
      'two:after:': 'not-run',
      'two:off:': 'not-run',
      'two:planned:': 'not-run',
    });
    expect(report.run.ended).toBe('it was ended by SIGINT');
    expect(report.summary).toMatchObject({ total: 6, pass: 2, 'not-run': 4, unexpected: 4 });
    const human = renderHuman(report);
    expect(human).toContain(
      '2 of 6 cases ran on emulated gfx942, v4: 2 passed, 0 failed; 4 not run: it was ended by SIGINT',
    );
    expect(human).not.toContain('NOT-RUN');
  });

  it('runs nothing where the signal came first', async () => {
    const report = await run({ signal: AbortSignal.abort(new Error('no time')) });
    expect(report.summary).toMatchObject({ 'not-run': 6 });
    expect(report.cases[0]).toMatchObject({ reason: 'no time', expected: false });
  });
});

describe('ReportJournal', () => {
  async function journalOf(name: string): Promise<string> {
    const journal: { current?: ReportJournal } = {};
    await run({
      onStart: (plan) => (journal.current = new ReportJournal(path.join(folder, name), plan)),
      onBegin: (each) => journal.current!.begin(each),
      onCase: (each) => journal.current!.add(each),
    });
    return path.join(folder, name);
  }

  it('gives the report of a run that was cut off at any line', async () => {
    const lines = readFileSync(await journalOf('whole'), 'utf8')
      .trimEnd()
      .split('\n');
    const of = (count: number, torn = ''): Record<string, string> =>
      statuses(reportOfJournal(`${lines.slice(0, count).join('\n')}\n${torn}`, cases)!.cases);
    expect(of(1)).toMatchObject({ 'one:a:': 'not-run', 'two:planned:': 'not-run' });
    // The machine ended while the first case ran.
    expect(of(2)).toMatchObject({ 'one:a:': 'crash', 'one:b:': 'not-run' });
    expect(of(2, lines[2]!.slice(0, 40))).toMatchObject({ 'one:a:': 'crash' });
    expect(of(4)).toMatchObject({ 'one:a:': 'pass', 'one:b:': 'crash', 'two:stops:': 'not-run' });
    expect(of(lines.length)).toMatchObject({ 'one:a:': 'pass', 'two:off:': 'skip' });
    expect(reportOfJournal('{"schema":"other"}\n', cases)).toBeUndefined();
  });

  it('is read like a report, and goes when that is written', async () => {
    const name = await journalOf('cut');
    writeFileSync(name, readFileSync(name, 'utf8').split('\n').slice(0, 4).join('\n'));
    const report = joinReports([readReport(name, cases)], cases);
    expect(report.run.ended).toBe('the run ended while demo,one:b: ran');
    expect(report.cases[1]).toMatchObject({
      status: 'crash',
      expected: false,
      reason: 'the run ended while demo,one:b: ran',
    });
    const journal = new ReportJournal(name, {
      total: 0,
      ids: [],
      skips: new Map(),
      target: { identity: report.target } as never,
      head: report,
    });
    journal.remove();
    expect(() => readFileSync(name)).toThrow('ENOENT');
  });
});

describe('ExpectedSkips', () => {
  const skips = (text: string): ExpectedSkips => ExpectedSkips.read(file('skips.json', text));
  const reasons = async (text: string): Promise<Record<string, string>> => {
    const { cases: reported } = await run({ expectedSkips: skips(text) });
    return Object.fromEntries(reported.filter(({ expected }) => !expected).map(({ id, reason }) => [id, reason]));
  };

  it('takes exactly the skips that it names', async () => {
    expect(await reasons('[{"skip":"xnack-off"},{"skip":"not implemented","reason":"to come"}]')).toEqual({});
    expect(await reasons('[{"skip":"*","query":"demo,two:off"},{"skip":"*","query":"*:planned:*"}]')).toEqual({});
  });

  it('complains of a skip that it does not name, and of a case that ran in spite of it', async () => {
    expect(await reasons('[{"skip":"not implemented"},{"skip":"xnack-off","query":"demo,one"}]')).toEqual({
      'demo,two:off:': expect.stringMatching(/^its skip is not expected; needs xnack-off \(/),
    });
    expect(skipKind('its skip is not expected; needs xnack-off (SVM without): it is on')).toBe('xnack-off');
    expect(
      await reasons(
        '[{"skip":"*","query":"demo,one:a"},{"skip":"*","query":"demo,two:off"},{"skip":"*","query":"demo,two:planned"}]',
      ),
    ).toEqual({
      'demo,one:a:': 'it ran, and is expected to be skipped: *',
    });
  });

  it.each([
    ['{', 'skips.json: not JSON'],
    ['{}', 'skips.json: expected a list of { skip, query, reason }'],
    ['[1]', 'skips.json: entry 1: expected an object { skip, query, reason }'],
    ['[{"skip":"two-gpu"}]', 'entry 1: skip: expected the name of a feature, "not implemented" or "*", got "two-gpu"'],
    ['[{}]', 'entry 1: skip: expected'],
    ['[{"skip":"*","query":""}]', 'entry 1: query: expected a query'],
    ['[{"skip":"*","query":"a:b:c"}]', 'entry 1: query "a:b:c"'],
    ['[{"skip":"*","reason":1}]', 'entry 1: reason: expected a sentence, got 1'],
    ['[{"skip":"*","expect":"x"}]', 'entry 1: expect: unknown field; known: skip, query, reason'],
  ])('refuses %s', (text, message) => expect(() => skips(text)).toThrow(message));
});

describe('KernelWatch', () => {
  it('tells warnings, lines of the driver, and a taint that changes', () => {
    const log = file('kmsg', '3,1,1,-;amdgpu: before the run\n');
    const taint = file('tainted', '0\n');
    const watch = new KernelWatch({ log, taint });
    expect(watch.note('quiet')).toBeUndefined();
    appendFileSync(
      log,
      '6,2,2,-;usb 1-1: new device\n6,3,3,-;[drm] a line\n4,4,4,-;WARNING: CPU: 1\n SUBSYSTEM=pci\n12,5,5,-;kfd: x\n',
    );
    writeFileSync(taint, '512\n');
    expect(watch.note('loud')).toEqual({
      group: 'loud',
      lines: ['[drm] a line', 'WARNING: CPU: 1', 'kfd: x'],
      taint: ['not tainted', 'tainted 512 (W: a warning)'],
    });
    writeFileSync(taint, '640');
    expect(watch.note('worse')?.taint).toEqual(['tainted 512 (W: a warning)', 'tainted 640 (DW: an oops, a warning)']);
    watch.close();
    expect(watch.report).toMatchObject({
      logReason: '',
      taint: 'not tainted',
      notes: [{ group: 'loud' }, { group: 'worse' }],
    });
  });

  it('says why the log cannot be read', () => {
    const watch = new KernelWatch({ log: path.join(folder, 'nowhere'), taint: path.join(folder, 'nowhere') });
    expect(watch.report.logReason).toMatch(/^ENOENT.*; root may read it/);
    expect(watch.report.taint).toMatch(/^unknown \(ENOENT/);
    expect(watch.note('group')).toBeUndefined();
  });
});

describe('KernelProbes', () => {
  /** A tracefs as far as plain files can be one: what makes folders and tables there is the kernel. */
  function tracefs(id: number): string {
    const root = mkdtempSync(path.join(folder, 'tracefs-'));
    writeFileSync(path.join(root, 'kprobe_events'), '');
    mkdirSync(path.join(root, 'instances', `amdgpu_svm_${id}`, 'events', `amdgpu_svm_${id}`), { recursive: true });
    return root;
  }

  it('says what is missing, and leaves nothing behind', () => {
    expect(KernelProbes.set(path.join(folder, 'nowhere'))).toMatch(
      /^a kprobe on amdgpu_svm_handle_fault: ENOENT.*; it takes root/,
    );
    const root = tracefs(7);
    // Its buffer is there already.
    expect(KernelProbes.set(root, 7)).toMatch(/^the trace buffer: EEXIST/);
    const lines = readFileSync(path.join(root, 'kprobe_events'), 'utf8').trimEnd().split('\n');
    expect(lines).toEqual([
      'p:amdgpu_svm_7/amdgpu_svm_7_faults amdgpu_svm_handle_fault',
      'p:amdgpu_svm_7/amdgpu_svm_7_invalidations drm_gpusvm_notifier_invalidate',
      '-:amdgpu_svm_7/amdgpu_svm_7_faults',
      '-:amdgpu_svm_7/amdgpu_svm_7_invalidations',
    ]);
  });

  it('reads its own counts from the table of all events', () => {
    const profile = file('kprobe_profile', '  other 99 0\n  p7_faults          12   0\n  p7_invalidations 3 1\n');
    const names = { profile, events: { faults: 'p7_faults', invalidations: 'p7_invalidations' } };
    expect([readCount(names, 'faults'), readCount(names, 'invalidations')]).toEqual([12, 3]);
    writeFileSync(profile, '');
    expect(() => readCount(names, 'faults')).toThrow(/kprobe_profile has no event p7_faults$/);
    const target = Target.choose({ backend: 'emulated' });
    const kernel = Target.of({ ...target.found, identity: { ...target.identity, backend: 'kernel' } });
    expect(kernel.countedBy('no tracefs').missing('fault-counts')).toBe('no tracefs');
    expect(kernel.countedBy(names).missing('fault-counts')).toBeUndefined();
  });
});
