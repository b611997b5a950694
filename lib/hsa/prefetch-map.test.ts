import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lastPrefetchNode, PrefetchMap } from './prefetch-map.ts';
import type { PendingPrefetch } from './prefetch-map.ts';

const PAGES = 24;
const NODES = 3;

/** What the clever map must be: who owns each page. */
class PageModel {
  readonly owners: (PendingPrefetch | undefined)[] = Array.from({ length: PAGES }, () => undefined);

  issue(first: number, end: number, operation: PendingPrefetch): void {
    this.owners.fill(operation, first, end);
  }

  remove(operation: PendingPrefetch): void {
    for (const [page, owner] of this.owners.entries()) if (owner === operation) this.owners[page] = undefined;
  }

  /** spec/hsa §5.3 page by page. A hole must be asked as a whole: the devices answer for its mixture. */
  query(first: number, end: number, belowCounts: boolean, device: readonly (number | undefined)[]): number | undefined {
    const seen = new Set<number | undefined>();
    if (belowCounts) {
      const below = this.owners.slice(0, first + 1).findLast((owner) => owner !== undefined);
      if (below !== undefined) seen.add(below.node);
    }
    for (let page = first; page < end; page++) seen.add(this.owners[page]?.node ?? device[page]);
    return seen.size === 1 ? [...seen][0] : undefined;
  }
}

const interval = fc
  .tuple(fc.nat(PAGES - 1), fc.integer({ min: 1, max: PAGES }))
  .map(([first, length]) => [first, Math.min(first + length, PAGES)] as const);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ name: fc.constant('issue' as const), interval, node: fc.nat(NODES - 1) }) },
  { weight: 1, arbitrary: fc.record({ name: fc.constant('remove' as const), which: fc.nat() }) },
);

describe('against a model that stores an owner for each page', () => {
  it.each([[true], [false]])('any history answers any query alike (a piece below counts: %s)', (belowCounts) => {
    const device = fc.array(fc.option(fc.nat(NODES - 1), { nil: undefined, freq: 8 }), {
      minLength: PAGES,
      maxLength: PAGES,
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), interval, device, (history, [first, end], nodes) => {
        const map = new PrefetchMap<PendingPrefetch>();
        const model = new PageModel();
        const issued: PendingPrefetch[] = [];
        for (const action of history) {
          if (action.name === 'issue') {
            const operation = { node: action.node };
            issued.push(operation);
            map.issue(...action.interval, operation);
            model.issue(...action.interval, operation);
          } else if (issued.length > 0) {
            const operation = issued[action.which % issued.length]!;
            map.remove(operation);
            model.remove(operation);
          }
        }
        const asked: number[] = [];
        const found = lastPrefetchNode(map.view(first, end), belowCounts, (from, to) => {
          const values = nodes.slice(from, to);
          for (let page = from; page < to; page++) asked.push(page);
          return values.every((value) => value === values[0]) ? values[0] : undefined;
        });
        expect(found).toBe(model.query(first, end, belowCounts, nodes));
        // Holes are exactly the pages that nobody owns, in maximal runs, in order.
        const free = Array.from({ length: end - first }, (_, index) => first + index).filter(
          (page) => model.owners[page] === undefined,
        );
        const { holes } = map.view(first, end);
        expect(holes.flatMap(([from, to]) => Array.from({ length: to - from }, (_, index) => from + index))).toEqual(
          free,
        );
        for (const [index, [from]] of holes.entries())
          if (index > 0) expect(from).toBeGreaterThan(holes[index - 1]![1]);
        expect(asked).toEqual(free.slice(0, asked.length));
        // No piece is kept for pages that nobody owns.
        const owned = model.owners.filter((owner) => owner !== undefined).length;
        expect(map.size).toBeLessThanOrEqual(owned);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a later prefetch', () => {
  const nodesAt = (map: PrefetchMap<PendingPrefetch>, pages: number): (number | undefined)[] =>
    Array.from({ length: pages }, (_, page) => map.view(page, page + 1).nodes[0]);

  it.each([
    ['inside splits', [2, 4], [0, 0, 1, 1, 0, 0], 3],
    ['at the head trims', [0, 2], [1, 1, 0, 0, 0, 0], 2],
    ['at the tail trims', [4, 6], [0, 0, 0, 0, 1, 1], 2],
    ['over all replaces', [0, 6], [1, 1, 1, 1, 1, 1], 1],
    ['of no pages changes nothing', [3, 3], [0, 0, 0, 0, 0, 0], 1],
  ])('%s', (_name, [first, end], nodes, size) => {
    const map = new PrefetchMap<PendingPrefetch>();
    map.issue(0, 6, { node: 0 });
    map.issue(first!, end!, { node: 1 });
    expect(nodesAt(map, 6)).toEqual(nodes);
    expect(map.size).toBe(size);
  });

  it('leaves nothing of an earlier one behind when that has run', () => {
    const map = new PrefetchMap<PendingPrefetch>();
    const [a, b] = [{ node: 0 }, { node: 1 }];
    map.issue(0, 6, a);
    map.issue(2, 4, b);
    map.remove(a);
    expect(nodesAt(map, 6)).toEqual([undefined, undefined, 1, 1, undefined, undefined]);
    map.remove(b);
    expect(map.size).toBe(0);
  });
});
