import { afterEach, expect, it, vi } from 'vitest';
import { Progress } from './progress.ts';

afterEach(() => vi.unstubAllEnvs());

/** A stream, and what was written to it. */
function stream(isTTY: boolean): { stream: NodeJS.WriteStream; written: string[] } {
  const written: string[] = [];
  const write = (text: string): boolean => written.push(text) > 0;
  return { stream: { isTTY, columns: 40, write } as unknown as NodeJS.WriteStream, written };
}

/** Progress of 100 pieces, one each second. */
function run(isTTY: boolean, seconds: number): string[] {
  const { stream: to, written } = stream(isTTY);
  let now = 0;
  const progress = new Progress({ name: 'replay', total: 100, stream: to, now: () => now });
  for (let done = 1; done <= seconds; done++) {
    now = done * 1000;
    progress.update(done);
  }
  progress.end();
  return written;
}

it('changes one line of a terminal, and takes it away at the end', () => {
  vi.stubEnv('TERM', 'xterm');
  vi.stubEnv('NO_COLOR', '');
  expect(run(true, 3)).toEqual([
    'replay: 1 of 100, 1 s, 1 min 39 s left',
    '\r\u001b[2K',
    'replay: 2 of 100, 2 s, 1 min 38 s left',
    '\r\u001b[2K',
    'replay: 3 of 100, 3 s, 1 min 37 s left',
    '\r\u001b[2K',
  ]);
});

it.each([
  ['where no terminal is', false, {}],
  ['on a dumb terminal', true, { TERM: 'dumb' }],
  ['with NO_COLOR', true, { TERM: 'xterm', NO_COLOR: '1' }],
])('says a line every five seconds %s', (_where, isTTY, environment) => {
  for (const [name, value] of Object.entries({ NO_COLOR: '', ...environment })) vi.stubEnv(name, value);
  expect(run(isTTY, 11)).toEqual([
    'replay: 5 of 100, 5 s, 1 min 35 s left\n',
    'replay: 10 of 100, 10 s, 1 min 30 s left\n',
  ]);
});

it('says nothing of what is over at once', () => {
  vi.stubEnv('TERM', 'xterm');
  vi.stubEnv('NO_COLOR', '');
  const { stream: to, written } = stream(true);
  let now = 0;
  const progress = new Progress({ name: 'explore', stream: to, now: () => now });
  for (; now < 900; now += 100) progress.update(now);
  progress.end();
  expect(written).toEqual([]);
});

it('tells what is known where nobody knows how much there is', () => {
  const { stream: to, written } = stream(false);
  let now = 0;
  const progress = new Progress({ name: 'explore, schedules', stream: to, now: () => now });
  now = 3_725_000;
  progress.update(12, 'core');
  expect(written).toEqual(['explore, schedules: 12, 1 h 02 min, core\n']);
});
