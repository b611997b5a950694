/** The checker of invariant I3 itself: it gives each explanation in the scenario of its quirk, and accepts nothing else. */
import { describe, expect, it } from 'vitest';
import { CoverageChecker } from './support/coverage-checker.ts';
import { BLOCK, MIB, Rig, T, V } from './support/emulator-rig.ts';

/** A region with one interval, mapped on the GPU under the eyes of the checker. */
function mapped(): { rig: Rig; checker: CoverageChecker } {
  const rig = new Rig();
  const checker = new CoverageChecker(rig);
  rig.region();
  rig.access(V, BLOCK, true);
  rig.later();
  checker.check();
  expect([...checker.given]).toEqual([]);
  return { rig, checker };
}

function given({ checker }: { checker: CoverageChecker }): string[] {
  return [...checker.given.keys()];
}

describe('the checker of live PTEs', () => {
  it('needs no explanation for an event that covers the range', () => {
    const it = mapped();
    it.rig.discard(V, BLOCK);
    it.checker.check();
    expect(given(it)).toEqual([]);
  });

  it('explains what a partial event leaves by Q35', () => {
    const it = mapped();
    it.rig.discard(V, 1);
    it.checker.check();
    expect([...it.checker.given]).toEqual([['Q35', BLOCK - 1]]);
  });

  it('explains what an unmap skips then by Q36', () => {
    const it = mapped();
    it.rig.discard(V, 1);
    it.rig.unmap(V, BLOCK);
    it.rig.gc();
    it.checker.check();
    expect([...it.checker.given]).toEqual([
      ['Q35', BLOCK - 1],
      ['Q36', BLOCK - 1],
    ]);
  });

  it('explains what the removal after a partial unmap leaves by Q37', () => {
    const it = mapped();
    it.rig.unmap(V, 1);
    it.rig.gc();
    it.checker.check();
    expect([...it.checker.given]).toEqual([
      ['Q35', BLOCK - 1],
      ['Q37', BLOCK - 1],
    ]);
  });

  it('explains what a split removes without a zap by Q38', () => {
    const it = mapped();
    it.rig.discard(V, 1);
    it.rig.set(V, MIB, [T.gpuReadOnly, 1]);
    it.checker.check();
    expect([...it.checker.given]).toEqual([
      ['Q35', BLOCK - 1],
      ['Q38', BLOCK - 1],
    ]);
  });

  it('explains a failed zap by Q39', () => {
    const it = mapped();
    it.rig.device.failures.plan('zap-ptes', 'EBUSY');
    it.rig.discard(V, BLOCK);
    it.checker.check();
    expect([...it.checker.given]).toEqual([['Q39', BLOCK]]);
  });

  it('explains an event before the mark by Q40', () => {
    const it = mapped();
    it.rig.discard(V, BLOCK);
    it.rig.during(
      'pte-committed',
      () => void it.rig.unmap(V, BLOCK),
      () => it.rig.fault(V),
    );
    it.rig.gc();
    it.checker.check();
    expect([...it.checker.given]).toEqual([['Q40', BLOCK]]);
  });

  it('explains a failed commit by Q41', () => {
    const it = mapped();
    it.rig.discard(V, BLOCK);
    it.rig.device.failures.plan('update-directories', 'ENOMEM');
    it.rig.fault(V);
    it.checker.check();
    expect([...it.checker.given]).toEqual([['Q41', BLOCK]]);
  });

  it('explains what a closing context leaves by Q11', () => {
    const it = mapped();
    it.rig.device.closeContext(it.rig.node.file);
    it.rig.device.finaliseContext(it.rig.node.file);
    it.checker.checkFinalised();
    expect([...it.checker.given]).toEqual([['Q11', BLOCK]]);
  });

  it('does not accept a range that lost its mark for no reason', () => {
    const { rig, checker } = mapped();
    rig.range(V).clearGpuMapped();
    expect(() => checker.check()).toThrow(
      `I3: nothing explains the PTE of page 0x${V.toString(16)} (range not mapped)`,
    );
  });

  it('does not accept a mapped range that was removed without a zap', () => {
    const { rig, checker } = mapped();
    rig.context.framework.removeRange(rig.range(V));
    expect(() => checker.check()).toThrow(/nothing explains the PTE .* \(in no range\)/);
  });

  it('does not accept a page table that differs from the events', () => {
    const { rig, checker } = mapped();
    rig.node.file.vm.pageTable.zapInBlock(V / BLOCK, 0, 1);
    expect(() => checker.check()).toThrow(`${BLOCK} PTEs by the events, ${BLOCK - 1} in the page table`);
  });
});
