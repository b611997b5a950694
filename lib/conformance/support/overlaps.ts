/** Ways in which a request may lie over attribute intervals. */
import type { CaseContext } from '../framework/context.ts';
import { ModelledMemory } from './attribute-model.ts';
import type { Span } from './attribute-model.ts';

export const SIZE = 32;

export const span = (first: number, count: number): Span => ({ first, count });

/** What was set before: spans, each with its own or with one common record. */
export const SITUATIONS: Readonly<Record<string, readonly Span[]>> = {
  empty: [],
  one: [span(8, 16)],
  'one-page': [span(16, 1)],
  'two-adjacent': [span(8, 8), span(16, 8)],
  'two-apart': [span(8, 4), span(20, 4)],
  islands: [span(4, 2), span(10, 2), span(16, 1), span(22, 4)],
  'every-second-page': Array.from({ length: 8 }, (_, index) => span(8 + 2 * index, 1)),
  all: [span(0, 32)],
};

export const REQUESTS: Readonly<Record<string, Span>> = {
  exact: span(8, 16),
  head: span(8, 4),
  tail: span(20, 4),
  middle: span(12, 8),
  'one-page-inside': span(16, 1),
  'first-page': span(8, 1),
  'last-page': span(23, 1),
  superset: span(4, 24),
  'over-the-front': span(4, 8),
  'over-the-back': span(20, 8),
  before: span(4, 4),
  behind: span(24, 4),
  everything: span(0, 32),
  'window-start': span(0, 1),
  'window-end': span(31, 1),
};

/** Prepares the situation; `alike`: with one record everywhere, else each span with its own granularity. */
export function prepare(t: CaseContext, situation: string, alike: boolean): ModelledMemory {
  const modelled = new ModelledMemory(t, SIZE);
  for (const [index, each] of SITUATIONS[situation]!.entries())
    modelled.set(each, alike ? { gpuExecutable: true } : { granularity: 20 + index, gpuExecutable: index % 2 });
  return modelled;
}
