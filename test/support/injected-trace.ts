/** Traces in which a second thread comes in at every preemption point; the same seed gives the same trace. */
import { COMMON_PREEMPTION_POINTS, VRAM_PREEMPTION_POINTS } from '../../emulator/index.ts';

/** 64 blocks of 64 KiB on each side of the boundary between two notifiers. */
const BASE = 0x7f00_0000_0000n;
const PAGES = 2048;
const FIRST = BASE - 0x40_0000n;

type Operation = Readonly<Record<string, unknown>>;

/** What may be in the traces. */
export interface InjectedTraceOptions {
  readonly seed: number;
  readonly operations: number;
  readonly profile?: InjectedProfile;
}

/** Revisions of the histories; that of the XNACK-off series without XNACK, v8 with less VRAM than there is memory. */
export const INJECTED_PROFILES = ['v4', 'v7', 'v7-xnack-off', 'v8'] as const;
export type InjectedProfile = (typeof INJECTED_PROFILES)[number];

const CONFIGURATIONS: Readonly<Record<InjectedProfile, object>> = {
  v4: {},
  v7: { profile: 'v7' },
  'v7-xnack-off': { profile: 'v7-xnack-off', xnackOff: true },
  v8: { profile: 'v8', vram: '0x300000', thpMig: false },
};

/** One JSON object per line, without answers; at the end everything is unmapped, collected, looked at and finalised. */
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
  const moves = profile === 'v8';
  // Those inside of a fault or a prefetch come more rarely than the others.
  const places = moves ? [...COMMON_PREEMPTION_POINTS, ...VRAM_PREEMPTION_POINTS] : COMMON_PREEMPTION_POINTS;
  const points = [...places, 'hmm', 'hmm', 'pages-got'] as const;
  const memory = (): Operation => {
    const { addr, bytes: len } = span();
    if (moves && below(5) === 0) return vram(addr, len);
    const protection = oneOf(['rw', 'rw', 'rw', 'rwx', 'r', '-']);
    return oneOf<() => Operation>([
      () => ({ mmap: { addr, len, prot: protection, kind: oneOf(['anon', 'anon', 'thp', 'file', 'pfnmap', 'heap']) } }),
      () => ({ munmap: { addr, len } }),
      () => ({ mprotect: { addr, len, prot: protection } }),
      () => ({ dontneed: { addr, len } }),
      () => ({ touch: { addr, len, write: write() } }),
    ])();
  };
  /** What others do to pages and to VRAM. */
  const vram = (addr: string, len: string): Operation =>
    oneOf<() => Operation>([
      () => ({ evict: {} }),
      () => ({ vram: { bytes: hex(4096 * (1 + below(300))) } }),
      () => ({ vramfree: { offset: below(4) * 16 } }),
      () => ({ pin: { addr, len } }),
      () => ({ unpin: { addr, len } }),
    ])();
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
      at: oneOf(points),
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
      config: { ...CONFIGURATIONS[profile], granularity: oneOf([0, 4, 9]), thp, vmaMerge: write() },
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
  /** Memory that the GPU uses goes, and another thread comes in where the collector works. */
  const collect = (): string[] => {
    const place = { addr: address(512 * below(4)), len: hex(512 * 4096) };
    const at = oneOf(['svm-lock', 'svm-unlock', 'work-unlock'] as const);
    return [
      { mmap: { ...place, prot: 'rw', kind: 'anon' } },
      { set: { addr: place.addr, size: place.len, attrs: [[1, 0]] } },
      { munmap: { ...place, len: hex(4096 * (1 + below(511))) } },
      { gc: { inject: [{ at, nth: 1, do: below(2) === 0 ? memory() : driver() }] } },
      { mmap: { ...place, prot: 'rw', kind: 'anon' } },
    ].map((each) => JSON.stringify(each));
  };
  /** Memory moves to VRAM, and another thread comes in on the way. */
  const move = (): string[] => {
    const [addr, size] = [address(512 * below(4)), hex(512 * 4096)];
    const at = oneOf(['bo-alloc', 'collected', 'copy', 'evict'] as const);
    return [
      { munmap: { addr, len: size } },
      { mmap: { addr, len: size, prot: 'rw', kind: 'anon' } },
      { touch: { addr, len: size, write: true } },
      { set: { addr, size, attrs: [[1, 1]], inject: [{ at, nth: 1, do: below(2) === 0 ? memory() : driver() }] } },
    ].map((each) => JSON.stringify(each));
  };
  while (lines.length < operations) {
    if (below(20) === 0) lines.push(...overlap());
    if (below(30) === 0) lines.push(...collect());
    if (moves && below(10) === 0) lines.push(...move());
    const operation = below(3) === 0 ? memory() : driver();
    lines.push(line(operation, below(3) > 0 ? inject() : undefined));
  }
  const whole = { addr: address(0), len: hex(PAGES * 4096) };
  lines.push(line({ munmap: whole }, inject()), JSON.stringify({ munmap: whole }), '{"gc":{}}', '{"dump":{}}');
  if (below(4) === 0) lines.push('{"mmexit":{}}');
  lines.push(line({ close: {} }, undefined), '{"fini":{}}', '{"dump":{}}');
  return `${lines.join('\n')}\n`;
}
