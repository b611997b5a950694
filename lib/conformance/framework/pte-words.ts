/** PTEs in words (spec/trace-format §6, §7). */
import { pteAccessLetters } from '../../words/pte-flags.ts';
import type { ContextSnapshot } from '../../device/emulated.ts';

/** The PTEs of a range as runs of equal letters and state: 'rw*512', 'r*16 -*496', 'rw:stale*1'. */
export function pteRuns(
  state: ContextSnapshot,
  range: { readonly address: bigint; readonly size: number },
  states: boolean,
): string {
  const first = Number(range.address >> 12n);
  const words = Array.from({ length: range.size / 4096 }, () => '-');
  for (const run of state.ptes) {
    const word = `${pteAccessLetters(run.flags) || '?'}${states && run.state !== 'ok' ? `:${run.state}` : ''}`;
    for (
      let page = Math.max(run.startPage, first);
      page < Math.min(run.startPage + run.pages, first + words.length);
      page++
    )
      words[page - first] = word;
  }
  const runs: [string, number][] = [];
  for (const word of words) {
    const last = runs[runs.length - 1];
    if (last !== undefined && last[0] === word) last[1]++;
    else runs.push([word, 1]);
  }
  return runs.map(([word, count]) => `${word}*${count}`).join(' ');
}
