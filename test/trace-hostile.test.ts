/** Traces that somebody hostile wrote: no line of one takes long, whatever numbers are in it. */
import { describe, expect, it } from 'vitest';
import { NotModelledError } from '../emulator/index.ts';
import { parseTrace } from '../lib/trace/format/parse-trace.ts';
import { replayTrace } from '../lib/trace/replay/replay.ts';
import { TraceRunner } from '../lib/trace/replay/runner.ts';

/** Of this process: what a line costs does not depend on what else the machine does. */
const cpuMilliseconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const run = (...operations: readonly object[]): Record<string, unknown>[] => {
  const runner = new TraceRunner();
  return parseTrace('t', operations.map((each) => JSON.stringify(each)).join('\n')).map(({ operation }) => ({
    ...runner.execute(operation),
  }));
};
const counters = (answer: Record<string, unknown> | undefined): Record<string, number> =>
  answer!['counters'] as Record<string, number>;

describe('an access to nothing', () => {
  it('is counted, not tried, and its answer is that of trying', () => {
    for (const before of [
      [],
      [{ close: {} }],
      [{ fini: {} }],
      [{ mmap: { addr: '0x100000', len: '0x100000', prot: 'rw', kind: 'pfnmap' } }],
      [
        { mmap: { addr: '0x10000', len: '0x8000', prot: 'rw', kind: 'anon' } },
        { mmap: { addr: '0x40000', len: '0x4000', prot: 'rw', kind: 'file' } },
        { touch: { addr: '0x10000', len: '0x8000', write: true } },
        { set: { addr: '0x10000', size: '0x4000', attrs: [[8, 1]] } },
        { fault: { addr: '0x10000', write: true } },
        { munmap: { addr: '0x12000', len: '0x1000' } },
        { advance: { ns: 5_000_000 } },
      ],
    ]) {
      // Whole, and page by page in accesses too short for counting.
      const [whole, pieces] = [
        [{ access: { addr: '0x0', len: '0x300000', write: true } }],
        Array.from({ length: 0x300 }, (_, index) => ({
          access: { addr: `0x${(index * 4096).toString(16)}`, len: 4096, write: true },
        })),
      ];
      const one = run(...before, ...whole, { dump: {} });
      const many = run(...before, ...pieces, { dump: {} });
      expect(counters(one.at(-1))).toEqual(counters(many.at(-1)));
      const answers = many.slice(before.length, -1) as {
        ret: number;
        faults: number;
        runs: [string, string, string, string?][];
      }[];
      const access = one[before.length] as (typeof answers)[number];
      expect(access.faults).toBe(answers.reduce((sum, { faults }) => sum + faults, 0));
      expect(access.ret).toBe(answers.at(-1)!.ret);
      const pages = (runs: (typeof answers)[number]['runs']): string[] =>
        runs.flatMap(([outcome, , count, state]) => Array.from({ length: Number(count) }, () => `${outcome} ${state}`));
      expect(pages(access.runs)).toEqual(answers.flatMap(({ runs }) => pages(runs)));
    }
  });

  it('of 2^64 bytes takes no time', () => {
    const started = cpuMilliseconds();
    const [answer] = run({ access: { addr: '0x0', len: '0xffffffffffffffff', write: true } });
    expect(answer).toEqual({ ret: 0, faults: 2 ** 54, runs: [['failed', '0x0', '0x10000000000000']], fx: [] });
    expect(cpuMilliseconds() - started).toBeLessThan(1000);
  });
});

describe('work that cannot be counted', () => {
  const map = { mmap: { addr: '0x10000000', len: '0xffffff00000000', prot: 'rw', kind: 'anon' } };

  it('ends at a limit, by name', () => {
    for (const operation of [
      { touch: { addr: '0x10000000', len: '0x20000000000', write: true } },
      {
        set: {
          addr: '0x10000000',
          size: '0x20000000000',
          attrs: [
            [8, 1],
            [1, 1],
          ],
        },
      },
    ])
      expect(() => run(map, operation)).toThrow(NotModelledError);
    const closed = { mmap: { addr: '0x10000000', len: '0xffffff00000000', prot: '-', kind: 'anon' } };
    expect(() => run(closed, { access: { addr: '0x10000000', len: '0x20000000000', write: true } })).toThrow(
      /an access that fails at more than 16384 pages/,
    );
  });

  it('is not limited below that', () => {
    expect(run(map, { touch: { addr: '0x10000000', len: '0x100000000', write: true } })[1]).toMatchObject({
      ret: 0,
      pages: '0x100000',
    });
  });
});

/** Small, large, and at every edge. */
const NUMBERS = [
  0n,
  1n,
  4095n,
  4096n,
  8192n,
  0x200000n,
  1n << 31n,
  1n << 32n,
  1n << 40n,
  1n << 44n,
  1n << 47n,
  1n << 48n,
  (1n << 56n) - 4096n,
  1n << 56n,
  1n << 57n,
  1n << 63n,
  (1n << 64n) - 4096n,
  (1n << 64n) - 1n,
];

describe('mutated lines', () => {
  it.each([1, 2, 3, 4])('take no more than a second or so of work each, and never end the program, seed %i', (seed) => {
    let state = seed;
    const random = (most: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * most);
    };
    const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
    const number = (): string => {
      const value = BigInt.asUintN(64, pick(NUMBERS) + (random(3) === 0 ? BigInt(random(16)) * 4096n : 0n));
      return `0x${value.toString(16)}`;
    };
    const write = (): boolean => random(2) === 0;
    const attributes = (): number[][] =>
      Array.from({ length: 1 + random(3) }, () => [random(12), pick([0, 1, 2, 9, 63, 0xffff_ffff])]);
    const OPERATIONS: readonly (() => object)[] = [
      () => ({
        mmap: {
          addr: number(),
          len: number(),
          prot: pick(['rw', 'r', '-', 'rwx', 'w']),
          kind: pick(['anon', 'file', 'pfnmap', 'io', 'heap', 'stack', 'thp', 'mixedmap']),
        },
      }),
      () => ({ munmap: { addr: number(), len: number() } }),
      () => ({ mprotect: { addr: number(), len: number(), prot: pick(['rw', 'r', '-']) } }),
      () => ({ dontneed: { addr: number(), len: number() } }),
      () => ({ touch: { addr: number(), len: number(), write: write() } }),
      () => ({ access: { addr: number(), len: number(), write: write() } }),
      () => ({ fault: { addr: number(), write: write() } }),
      () => ({ set: { addr: number(), size: number(), attrs: attributes() } }),
      () => ({ get: { addr: number(), size: number(), types: [random(12), random(12)] } }),
      () => ({ gc: {} }),
      () => ({ dump: {} }),
      () => ({ advance: { ns: pick([1, 3_000_000, 2_000_000_000]) } }),
    ];
    let slowest = 0;
    let where = '';
    for (let trace = 0; trace < 30; trace++) {
      const lines: string[] = [];
      for (let line = 0; line < 40; line++) lines.push(JSON.stringify(pick(OPERATIONS)()));
      const parsed = lines.flatMap((text) => {
        try {
          return parseTrace('t', text);
        } catch {
          return [];
        }
      });
      let started = cpuMilliseconds();
      let last = parsed[0];
      replayTrace(parsed, {
        check: false,
        onHazard: () => undefined,
        onAnswer: (line) => {
          const took = cpuMilliseconds() - started;
          if (took > slowest)
            [slowest, where] = [took, `${JSON.stringify(line.source)} after ${JSON.stringify(lines)}`];
          started = cpuMilliseconds();
          last = line;
        },
      });
      expect(last).toBeDefined();
    }
    console.log(`the slowest of 1,200 lines took ${slowest.toFixed(0)} ms of processor time`);
    expect(slowest, where).toBeLessThan(1500);
  });
});
