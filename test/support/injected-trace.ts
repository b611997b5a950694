/** Traces in which a second thread comes in at every preemption point; the same seed gives the same trace. */
import { COMMON_PREEMPTION_POINTS } from '../../emulator/index.ts';

/** 64 blocks of 64 KiB on each side of the boundary between two notifiers. */
const BASE = 0x7f00_0000_0000n;
const PAGES = 2048;
const FIRST = BASE - 0x40_0000n;

type Operation = Readonly<Record<string, unknown>>;

/** What may stand in the traces. */
export interface InjectedTraceOptions {
  readonly seed: number;
  readonly operations: number;
  readonly profile?: 'v4' | 'v7';
}

/** One JSON object a line, without answers; at the end everything is unmapped, collected, looked at and finalised. */
export function injectedTrace({ seed, operations, profile = 'v4' }: InjectedTraceOptions): string {
  let state = (seed * 2_654_435_761) >>> 0;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const oneOf = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const hex = (value: bigint | number): string => `0x${value.toString(16)}`;
  const address = (page: number): string => hex(FIRST + BigInt(page) * 4096n);
  const span = (): { addr: string; bytes: string } => {
    // Ends that many operations share are where intervals, ranges and VMAs meet.
    const first = oneOf([below(PAGES), below(PAGES / 16) * 16, below(PAGES / 512) * 512, 1000 + below(48)]);
    const pages = Math.min(oneOf([1, 16, 512, 1 + below(32), 1 + below(700)]), PAGES - first);
    return { addr: address(first), bytes: hex(pages * 4096) };
  };
  const attributes = (): number[][] =>
    Array.from({ length: 1 + below(3) }, () =>
      oneOf([
        [0, 1],
        [1, 1],
        [1, 0],
        [2, 0],
        [2, 1],
        [2, 2],
        [3, below(12)],
        [5, below(2)],
        [6, 1],
        [8, below(2)],
        [9, below(2)],
        [10, below(2)],
      ]),
    );
  const write = (): boolean => below(2) === 1;
  const memory = (): Operation => {
    const { addr, bytes: len } = span();
    const protection = oneOf(['rw', 'rw', 'rw', 'rwx', 'r', '-']);
    return oneOf<() => Operation>([
      () => ({ mmap: { addr, len, prot: protection, kind: oneOf(['anon', 'anon', 'thp', 'file', 'pfnmap', 'heap']) } }),
      () => ({ munmap: { addr, len } }),
      () => ({ mprotect: { addr, len, prot: protection } }),
      () => ({ dontneed: { addr, len } }),
      () => ({ touch: { addr, len, write: write() } }),
    ])();
  };
  const driver = (): Operation => {
    const { addr, bytes } = span();
    return oneOf<() => Operation>([
      () => ({ set: { addr, size: bytes, attrs: attributes() } }),
      () => ({ set: { addr, size: bytes, attrs: attributes() } }),
      () => ({ set: { addr, size: bytes, attrs: [[1, 1]] } }),
      () => ({ fault: { addr, write: write() } }),
      () => ({ fault: { addr, write: write() } }),
      () => ({ access: { addr, len: bytes, write: write() } }),
      () => ({ get: { addr, size: bytes, types: [0, 1, 2, 3, 5, 8, 10] } }),
      () => ({ gc: {} }),
      () => ({ dump: {} }),
      () => ({ advance: { ns: oneOf([1, 500_000, 2_000_001, 5_000_000]) } }),
    ])();
  };
  const inject = (): object[] =>
    Array.from({ length: 1 + below(4) }, () => ({
      at: oneOf(COMMON_PREEMPTION_POINTS),
      nth: oneOf([1, 1, 1, 2, 3]),
      do: below(2) === 0 ? memory() : driver(),
    }));
  const fail = (): object[] =>
    Array.from({ length: 1 + below(2) }, () => ({
      at: oneOf(['lock-pd', 'hmm', 'update', 'zap', 'pdes', 'attr-alloc', 'range-alloc']),
      nth: 1 + below(2),
      err: oneOf([-12, -16, -11]),
    }));
  const line = (operation: Operation, injections: object[] | undefined): string => {
    const [name, fields] = Object.entries(operation)[0]!;
    const more = { ...(injections && { inject: injections }), ...(below(12) === 0 && { fail: fail() }) };
    return JSON.stringify({ [name]: { ...(fields as object), ...more } });
  };

  const thp = below(2) === 1;
  const lines = [
    JSON.stringify({
      config: { ...(profile !== 'v4' && { profile }), granularity: oneOf([0, 4, 9]), thp, vmaMerge: write() },
    }),
    // Something to work on from the start.
    JSON.stringify({ mmap: { addr: address(0), len: hex(PAGES * 4096), prot: 'rw', kind: 'anon' } }),
  ];
  /** A fault in a hole that another thread's SET fills halfway: its intervals overlap (Q31). */
  const overlap = (): string[] => {
    const first = 16 * below(PAGES / 16 - 4);
    const [addr, len] = [address(first), hex(64 * 4096)];
    const set = {
      set: { addr: address(first + 1 + below(40)), size: hex((8 + below(64)) * 4096), attrs: attributes() },
    };
    const at = oneOf(['mmap-lock', 'mmap-unlock', 'tree-unlock'] as const);
    return [
      { munmap: { addr, len } },
      { gc: {} },
      { mmap: { addr, len, prot: 'rw', kind: oneOf(['anon', 'file']) } },
      { fault: { addr: address(first + below(64)), write: write(), inject: [{ at, nth: 1, do: set }, ...inject()] } },
    ].map((each) => JSON.stringify(each));
  };
  while (lines.length < operations) {
    if (below(20) === 0) lines.push(...overlap());
    const operation = below(3) === 0 ? memory() : driver();
    lines.push(line(operation, below(3) > 0 ? inject() : undefined));
  }
  const whole = { addr: address(0), len: hex(PAGES * 4096) };
  lines.push(line({ munmap: whole }, inject()), JSON.stringify({ munmap: whole }), '{"gc":{}}', '{"dump":{}}');
  if (below(4) === 0) lines.push('{"mmexit":{}}');
  lines.push(line({ close: {} }, undefined), '{"fini":{}}', '{"dump":{}}');
  return `${lines.join('\n')}\n`;
}
