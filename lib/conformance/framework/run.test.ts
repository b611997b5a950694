import { describe, expect, it } from 'vitest';
import { CaseGroup } from './case.ts';
import { Expectations } from './expectations.ts';
import { joinReports } from './merge.ts';
import { parameters } from './parameters.ts';
import type { Report } from './report.ts';
import { runCases } from './run.ts';
import { chooseCases } from './selection.ts';
import type { RunOptions } from './run.ts';

const group = new CaseGroup('demo', 'Cases for the tests of the runner');
group
  .case('passes', 'holds')
  .source('x')
  .parameters(parameters().combine('n', [1, 2, 3, 4, 5]))
  .run((t, { n }) => t.equal(n, n, 'n'));
group
  .case('fails', 'does not hold')
  .source('x')
  .run((t) => {
    t.map(4096);
    t.equal(1, 2, 'the number');
  });
group
  .case('throws', 'is wrong')
  .source('x')
  .run(() => {
    throw new TypeError('oops');
  });
group
  .case('empty', 'checks nothing')
  .source('x')
  .run(() => undefined);
group
  .case('waits', 'never ends')
  .source('x')
  .run(() => new Promise(() => undefined));
group
  .case('needs', 'needs what V4 lacks')
  .source('x')
  .needs('xnack-off')
  .run((t) => t.ok(true, 'x'));
group.case('planned', 'to come').source('x').unimplemented('nobody wrote it');
group
  .case('chance', 'depends on the seed')
  .source('x')
  .run((t) => t.ok(t.random.below(8) !== 3, 'not three'));
group
  .case('quirk', 'shows a quirk')
  .source('x')
  .parameters(parameters().combine('shows', ['quirk', 'correct', 'both', 'neither']))
  .run((t, { shows }) => {
    t.shows(
      'Q13',
      { quirk: shows === 'quirk' || shows === 'both', correct: shows === 'correct' || shows === 'both' },
      'the demo',
    );
  });
group
  .case('leaks', 'leaves memory to the context')
  .source('x')
  .needs('gpu-work')
  .run(async (t) => {
    const memory = t.map(8192);
    await t.queue().fill(memory.address, 7, 8192);
    t.equal([...memory.read(8188, 4)], [7, 0, 0, 0], 'the last word');
  });
const cases = group.concreteCases();
const run = (options: RunOptions = {}) => runCases(cases, { target: { backend: 'emulated' }, timeout: 50, ...options });
const mergeReports = (reports: readonly Report[]) => joinReports(reports, cases);

// Reports are compared: all of them begin at the same moment.
process.env['SOURCE_DATE_EPOCH'] = '1781222400';

describe('runCases', () => {
  it('reports what became of each case', async () => {
    const report = await run();
    const found = Object.fromEntries(
      report.cases.map(({ id, status, reason }) => [id.replace('demo:', ''), `${status} ${reason}`]),
    );
    expect(found).toMatchObject({
      'passes:n=1': 'pass ',
      'fails:': 'fail the number: expected 2, got 1',
      'throws:': 'fail TypeError: oops',
      'empty:': 'fail the case ended without a check: its steps did not happen',
      'waits:': 'timeout still waiting after 50 ms',
      'needs:':
        'skip needs xnack-off (SVM on a GPU without retry faults (XNACK off)): v4 refuses a GPU without XNACK (EOPNOTSUPP)',
      'planned:': 'skip not implemented: nobody wrote it',
      'quirk:shows="quirk"': 'pass ',
      'quirk:shows="correct"': 'pass ',
      'quirk:shows="both"': 'fail the demo: the device shows both the quirk Q13 and the correct behaviour',
      'quirk:shows="neither"': 'fail the demo: the device shows neither the quirk Q13 nor the correct behaviour',
      'leaks:': 'pass ',
    });
    expect(report.summary).toMatchObject({ total: cases.length, skip: 2, timeout: 1, fail: 5, unexpected: 6 });
    expect(report.cases.find(({ id }) => id === 'demo:fails:')?.log).toEqual(['map 0x1000']);
  });

  it('gives the same report for the same seed', async () => {
    const options = { exclude: ['demo:waits'], seed: 7 };
    expect(JSON.stringify(await run(options))).toBe(JSON.stringify(await run(options)));
  });

  it('repeats with other seeds, and stops at the first failure', async () => {
    const seen: number[] = [];
    const report = await run({ queries: ['demo:chance'], untilFail: true, onCase: ({ seed }) => seen.push(seed ?? 1) });
    expect(report.run).toMatchObject({ stoppedEarly: true, rounds: seen.length });
    const [bad] = report.cases;
    expect(bad).toMatchObject({ status: 'fail', seed: seen.length });
    // The seed that is reported shows the failure at once.
    expect((await run({ queries: ['demo:chance'], seed: bad!.seed! })).cases[0]).toMatchObject({ status: 'fail' });
    expect((await run({ queries: ['demo:passes'], untilFail: true, repeat: 3 })).run).toMatchObject({
      rounds: 3,
      stoppedEarly: false,
    });
  });

  it('holds expectations against the results', async () => {
    const expectations = Expectations.parse(
      JSON.stringify([
        { query: 'demo', expect: 'fail', reason: 'all of it' },
        { query: 'demo:passes:n=1', expect: 'flake', reason: 'now and then' },
        { query: 'demo:passes:n=2', expect: 'skip', reason: 'too slow' },
        { query: 'demo:waits', expect: 'skip', reason: 'hangs' },
      ]),
      'x.json',
    );
    const report = await run({ expectations });
    const of = (id: string) => report.cases.find((each) => each.id === `demo:${id}`);
    expect(of('passes:n=1')).toMatchObject({ status: 'pass', expected: true });
    expect(of('passes:n=2')).toMatchObject({ status: 'skip', expected: true, reason: 'expected: too slow' });
    expect(of('passes:n=3')).toMatchObject({
      status: 'pass',
      expected: false,
      reason: 'passes, but is expected to fail: all of it',
    });
    expect(of('fails:')).toMatchObject({
      status: 'fail',
      expected: true,
      expectation: { kind: 'fail', reason: 'all of it' },
    });
    expect(of('waits:')).toMatchObject({ status: 'skip', expected: true });
    expect(expectations.unused(cases)).toEqual([]);
  });

  it('counts skips and correct behaviour where that is asked for', async () => {
    const skips = await run({ queries: ['demo:needs', 'demo:planned'], failOnSkip: true });
    expect(skips.cases.map(({ expected }) => expected)).toEqual([false, true]);
    const quirks = await run({ queries: ['demo:quirk:shows=quirk', 'demo:quirk:shows=correct'], expectQuirks: true });
    expect(quirks.cases.map(({ status, reason }) => [status, reason])).toEqual([
      ['pass', ''],
      ['fail', 'the device does not show the quirk Q13 of v4'],
    ]);
  });

  it('has shards that add up', async () => {
    const exclude = ['demo:waits'];
    const whole = await run({ exclude });
    const shards = await Promise.all([1, 2, 3].map((index) => run({ exclude, shard: { index, count: 3 } })));
    const merged = mergeReports([shards[2]!, shards[0]!, shards[1]!]);
    expect(merged.summary).toEqual(whole.summary);
    expect(merged.cases.map(({ id }) => id).toSorted()).toEqual(whole.cases.map(({ id }) => id).toSorted());
    expect(() => mergeReports(shards.slice(1))).toThrow('of 3 shards these are missing: 1');
    expect(() => mergeReports([...shards, shards[0]!])).toThrow('shard 1 of 3 was given twice');
    expect(() => mergeReports([shards[0]!, { ...shards[1]!, run: { ...shards[1]!.run, seed: 9 } }])).toThrow(
      'the reports are not of one run',
    );
    expect(() => mergeReports([])).toThrow('at least one report');
  });

  it('plans without a device', () => {
    expect(chooseCases(cases, { exclude: ['demo:passes:n=1'], queries: ['demo:passes'] }).map(({ id }) => id)).toEqual(
      [2, 3, 4, 5].map((n) => `demo:passes:n=${n}`),
    );
  });
});

describe('Expectations', () => {
  it.each([
    ['{', 'x.json: not JSON'],
    ['{}', 'x.json: expected a list'],
    ['[1]', 'x.json: entry 1: expected an object'],
    ['[{"query":"a","expect":"fail"}]', 'x.json: entry 1: reason: expected a sentence'],
    ['[{"query":"a","expect":"fail","reason":" "}]', 'x.json: entry 1: reason: expected a sentence'],
    [
      '[{"query":"a","expect":"maybe","reason":"r"}]',
      'x.json: entry 1: expect: expected one of fail, flake, skip, got "maybe"',
    ],
    ['[{"query":"","expect":"fail","reason":"r"}]', 'x.json: entry 1: query: expected a query'],
    ['[{"query":"a:b:c","expect":"fail","reason":"r"}]', 'x.json: entry 1: query "a:b:c"'],
    ['[{"query":"a","expect":"fail","reason":"r","ticket":1}]', 'x.json: entry 1: ticket: unknown field'],
  ])('refuses %s', (text, message) => {
    expect(() => Expectations.parse(text, 'x.json')).toThrow(message);
  });
  it('names the file that is missing', () =>
    expect(() => Expectations.read('/nowhere/x.json')).toThrow('/nowhere/x.json: cannot be read'));
});
