/** Which known word was meant by one that is not known. */

/** Changes of one letter that make one text of the other: put in, left out, exchanged, or swapped with the next one. */
function distance(one: string, other: string): number {
  let [before, row]: [number[], number[]] = [[], Array.from({ length: other.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const same = one[i - 1] === other[j - 1];
      let least = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1])
        least = Math.min(least, before[j - 2]! + 1);
      next.push(least);
    }
    [before, row] = [row, next];
  }
  return row[other.length]!;
}

/** The known words that are most like `word`, at most three; none that differs in more than two letters of five. */
export function similar(word: string, known: Iterable<string>): string[] {
  const near = [...new Set(known)]
    .map((each) => ({ each, far: distance(word, each) }))
    .filter(({ each, far }) => far <= Math.max(1, Math.floor(0.4 * Math.max(word.length, each.length))));
  const least = Math.min(...near.map(({ far }) => far));
  return near
    .filter(({ far }) => far === least)
    .map(({ each }) => each)
    .slice(0, 3);
}
