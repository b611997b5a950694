/** Random traces for tests that need a long one; the same seed gives the same trace. */

const BASE = 0x1000_0000;
const PAGE = 0x1000;

/** `count` operations over a few regions, one JSON object per line, without answers. */
export function randomTrace(count: number, seed = 1): string {
  let state = seed >>> 0;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const hex = (value: number): string => `0x${value.toString(16)}`;
  const region = (): number => BASE + below(12) * 0x80_0000;
  const place = (): { addr: string; len: string } => ({
    addr: hex(region() + below(1024) * PAGE),
    len: hex((1 + below(600)) * PAGE),
  });
  const lines = ['{"config":{}}'];
  while (lines.length < count) {
    const { addr, len } = place();
    const write = below(2) === 1;
    const kinds: (() => object)[] = [
      () => ({ mmap: { addr: hex(region()), len: '0x400000', prot: 'rw', kind: below(4) === 0 ? 'file' : 'anon' } }),
      () => ({ mmap: { addr: hex(region()), len: '0x400000', prot: below(4) === 0 ? 'r' : 'rw', kind: 'anon' } }),
      () => ({ munmap: { addr, len } }),
      () => ({ mprotect: { addr, len, prot: below(2) === 0 ? 'r' : 'rw' } }),
      () => ({ dontneed: { addr, len } }),
      () => ({ touch: { addr, len, write } }),
      () => ({ set: { addr, size: len, attrs: [[[2, 8, 9, 5][below(4)]!, below(2)]] } }),
      () => ({ set: { addr, size: len, attrs: [[1, below(2)]] } }),
      () => ({ fault: { addr, write } }),
      () => ({ fault: { addr, write } }),
      () => ({ access: { addr, len, write } }),
      () => ({ advance: { ns: 1_000 * below(3_000) } }),
      () => ({ gc: {} }),
    ];
    lines.push(JSON.stringify(kinds[below(kinds.length)]!()));
  }
  return `${lines.join('\n')}\n`;
}
