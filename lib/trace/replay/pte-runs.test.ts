import { expect, it } from 'vitest';
import { contextParts } from '../../../emulator/index.ts';
import { pteStateRun } from '../../../emulator/svm/pte-state.ts';
import { injectedTrace } from '../../../test/support/injected-trace.ts';
import { parseTrace } from '../format/parse-trace.ts';
import { TraceRunner } from './runner.ts';

it('judges pages together as it judges each of them', () => {
  const met = new Set<string>();
  for (const profile of ['v4', 'v7-xnack-off', 'v8'] as const) {
    const runner = new TraceRunner();
    for (const { operation } of parseTrace(profile, injectedTrace({ seed: 3, operations: 400, profile }))) {
      try {
        runner.execute(operation);
      } catch {
        continue; // What the emulator refuses leaves a state, too.
      }
      const { device, file } = runner.subject(0);
      for (const { startPage, pages, state } of contextParts(device, file).ptes) {
        const endPage = startPage + pages;
        for (let page = startPage; page < endPage; page++)
          expect(pteStateRun(file.vm, device.gpu, runner.machine.process.space, page, page + 1).state).toBe(state);
        // Also where the caller sets no limit.
        const run = pteStateRun(file.vm, device.gpu, runner.machine.process.space, startPage, Number.MAX_SAFE_INTEGER);
        expect(run.endPage).toBeLessThanOrEqual(endPage);
        if (pages > 1) met.add(state);
      }
    }
  }
  expect([...met]).toEqual(expect.arrayContaining(['ok', 'orphan', 'stale']));
});
