/** How pages come home when the CPU touches them, and what their protection becomes (spec/migration §6, spec/trace-format-v8 §3). */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { PAGE } from '../../../lib/conformance/support/units.ts';
import { CHUNK, contents, filling, NEEDS_VRAM, places, preferred, story, withVram } from '../support/vram-scene.ts';

export const homeGroup = new CaseGroup(
  'migration,home',
  'An access of the CPU brings home all pages of the buffer around it (spec/migration §6)',
);

homeGroup
  .case('touch', 'one page is touched, and all of its buffer come home; the GPU loses its PTEs')
  .source('spec/migration §6')
  .parameters(parameters().combine('page', [0, 7, 15]))
  .needs(...NEEDS_VRAM)
  .run((t, { page }) => {
    withVram(t, 64);
    const memory = preferred(t, CHUNK);
    t.fault(memory.address);
    t.equal(
      story(t, memory, () => t.machine.process.touch(memory.at(page * PAGE), 1, false)),
      ['event migrate 0+16', 'zap 0+16', 'tlb', 'copy 0+16', 'toram 0+16', 'bo- 0+16'],
      'what an access of the CPU does',
    );
    t.equal(contents(t, memory, CHUNK), filling(CHUNK), 'what the CPU reads');
  });

homeGroup
  .case('coherent', 'coherent VRAM is read by the CPU where it is')
  .source('spec/migration §6')
  .needs(...NEEDS_VRAM)
  .run((t) => {
    withVram(t, 64, { coherentVram: true });
    const memory = preferred(t, CHUNK);
    t.fault(memory.address);
    t.equal(
      story(t, memory, () => void contents(t, memory, CHUNK)),
      [],
      'what an access of the CPU does',
    );
    t.equal(places(t, memory, CHUNK), '0*16', 'where the pages lie');
    t.equal(contents(t, memory, CHUNK), filling(CHUNK), 'what the CPU reads');
  });

homeGroup
  .case('clipped', 'pages of the buffer outside of the mapping do not come')
  .source('spec/findings-v8 §1')
  .needs(...NEEDS_VRAM)
  .run((t) => {
    withVram(t, 64);
    const memory = preferred(t, CHUNK);
    t.fault(memory.address);
    t.machine.process.mprotect(memory.at(8 * PAGE), 8 * PAGE, 'r');
    t.machine.process.touch(memory.address, 1, false);
    t.equal(places(t, memory, CHUNK), 's*8 0*8', 'where the pages lie');
  });

homeGroup
  .case('written-meanwhile', 'what the GPU wrote in VRAM is what the CPU reads')
  .source('spec/trace-format-v8 §3')
  .needs(...NEEDS_VRAM, 'gpu-work')
  .run(async (t) => {
    withVram(t, 64);
    const memory = preferred(t, CHUNK);
    await t.queue().write(memory.at(3 * PAGE), new Uint8Array([200]));
    t.equal(places(t, memory, CHUNK), '0*16', 'where the pages lie');
    t.equal(contents(t, memory, CHUNK), filling(CHUNK).with(3, 200), 'what the CPU reads');
  });

homeGroup
  .case('protection', 'pages that cannot be written stay in VRAM for a GPU that writes, and come home for the CPU')
  .source('spec/trace-format-v8 §3')
  .needs(...NEEDS_VRAM)
  .run((t) => {
    withVram(t, 64);
    const memory = preferred(t, CHUNK);
    t.fault(memory.address);
    memory.protect('r');
    memory.protect('rw');
    t.advance();
    // The entry is not writable any more, and the page is the GPU's all the same.
    t.equal(t.fault(memory.address, { write: true }), 0, 'write fault');
    t.equal([places(t, memory, CHUNK), t.ptes(memory)], ['0*16', 'rw*16'], 'where the pages lie, and their PTEs');
    const { pages } = t.machine.process.space;
    const [first, second] = [memory.at(0), memory.at(PAGE)].map((address) => Number(address >> 12n)) as [
      number,
      number,
    ];
    t.machine.process.touch(memory.address, 1, true);
    t.equal([pages.marksOf(first), pages.marksOf(second)], [3, 1], 'marks of a page that was written, and of another');
  });
