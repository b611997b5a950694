import { describe, expect, it } from 'vitest';
import { SYSTEM_MEMORY, vramFrame } from '../kernel/frame.ts';
import { CpuPages } from '../mm/cpu-pages.ts';
import { PageContents } from '../mm/page-contents.ts';
import { Vma } from '../mm/vma.ts';
import { GpuNotifier } from './notifier.ts';
import { collectPages, dmaEntries, forgetPages, pageRuns } from './pages.ts';
import { GpuRange } from './range.ts';

const B = 0x40000;
const anon = new Vma(B, B + 4096, 3, 'anon');
const huge = new Vma(B, B + 4096, 3, 'thp');

function setup(): { cpu: CpuPages; range: (startPage: number, pages: number) => GpuRange } {
  const notifier = new GpuNotifier(B / 0x20000, { invalidate: () => {} });
  return {
    cpu: new CpuPages(new PageContents()),
    range: (startPage, pages) => new GpuRange(Math.floor(startPage / 512), startPage % 512, pages, notifier, 0),
  };
}

const run = (startPage: number, pages: number, firstFrame: number, location = SYSTEM_MEMORY) => ({
  startPage,
  pages,
  firstFrame,
  location,
});

describe('pages of a range', () => {
  it('are one number where they were brought in together', () => {
    const { cpu, range } = setup();
    cpu.populate(anon, B, B + 1024, true);
    const [whole, part] = [range(B + 512, 512), range(B + 16, 16)];
    collectPages(whole, cpu);
    collectPages(part, cpu);
    expect([whole.frames, part.frames, whole.pagesValid]).toEqual([513, 17, true]);
    expect([pageRuns(whole), pageRuns(part)]).toEqual([[run(B + 512, 512, 513)], [run(B + 16, 16, 17)]]);
    expect([dmaEntries(whole), dmaEntries(part)]).toEqual([512, 16]);
  });

  it('are one number also where the CPU touched one after the other', () => {
    const { cpu, range } = setup();
    for (let page = B; page < B + 512; page++) cpu.populate(anon, page, page + 1, true);
    const whole = range(B, 512);
    collectPages(whole, cpu);
    expect(whole.frames).toBe(1);
  });

  it('are each on its own where they were brought in out of order', () => {
    const { cpu, range } = setup();
    cpu.populate(anon, B + 2, B + 16, true);
    cpu.populate(anon, B, B + 2, true);
    const [all, tail, single] = [range(B, 16), range(B + 4, 4), range(B, 1)];
    for (const each of [all, tail, single]) collectPages(each, cpu);
    expect(pageRuns(all)).toEqual([run(B, 2, 15), run(B + 2, 14, 1)]);
    expect([tail.frames, single.frames]).toEqual([3, 15]);
  });

  it('stay as they were collected while the CPU gets others', () => {
    const { cpu, range } = setup();
    cpu.populate(anon, B, B + 16, true);
    const old = range(B, 16);
    collectPages(old, cpu);
    cpu.drop(B + 4, B + 8, false);
    cpu.populate(anon, B + 4, B + 8, true);
    expect(pageRuns(old)).toEqual([run(B, 16, 1)]);
    const mixed = range(B, 16);
    collectPages(mixed, cpu);
    expect(pageRuns(mixed)).toEqual([run(B, 4, 1), run(B + 4, 4, 17), run(B + 8, 8, 9)]);
    cpu.drop(B, B + 16, false);
    expect(pageRuns(mixed)).toHaveLength(3);
    forgetPages(mixed);
    expect([mixed.pagesValid, mixed.frames]).toEqual([false, 0]);
  });

  it('of a huge mapping are one entry for a range that is all of it, until it is split', () => {
    const { cpu, range } = setup();
    cpu.populate(huge, B, B + 1, true);
    const [whole, part] = [range(B, 512), range(B + 16, 16)];
    for (const each of [whole, part]) collectPages(each, cpu);
    expect([dmaEntries(whole), dmaEntries(part)]).toEqual([1, 16]);
    cpu.splitHuge(B);
    expect(dmaEntries(whole)).toBe(1);
    forgetPages(whole);
    collectPages(whole, cpu);
    expect([dmaEntries(whole), pageRuns(whole)]).toEqual([512, [run(B, 512, 512)]]);
  });

  it('of several memories are runs of one memory each', () => {
    const { range } = setup();
    const mixed = range(B, 4);
    mixed.frames = Uint32Array.of(vramFrame(0, 0x0fff_ffff), vramFrame(1, 0), 5, 6);
    expect(pageRuns(mixed)).toEqual([
      run(B, 1, vramFrame(0, 0x0fff_ffff), 1),
      run(B + 1, 1, vramFrame(1, 0), 2),
      run(B + 2, 2, 5),
    ]);
  });

  it('cannot be collected where the CPU has none', () => {
    const { cpu, range } = setup();
    expect(() => collectPages(range(B, 1), cpu)).toThrow('the model is inconsistent');
  });
});
