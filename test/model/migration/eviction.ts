/** Who leaves VRAM for whom, and what stays behind (spec/migration §6, spec/trace-format-v8 §4). */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EBUSY, ENOENT, ENOMEM } from '../../../lib/conformance/support/errno.ts';
import { PAGE } from '../../../lib/conformance/support/units.ts';
import { CHUNK, contents, filling, NEEDS_VRAM, places, preferred, story, withVram } from '../support/vram-scene.ts';

export const evictionGroup = new CaseGroup(
  'migration,eviction',
  'Who needs VRAM makes the oldest buffers leave (spec/trace-format-v8 §4)',
);

evictionGroup
  .case('oldest', 'the oldest buffer leaves, page by page')
  .source('spec/trace-format-v8 §4, §5')
  .needs(...NEEDS_VRAM)
  .run((t) => {
    withVram(t, 32);
    const [oldest, younger, newest] = [0, 1, 2].map((tag) => preferred(t, CHUNK, tag));
    t.fault(oldest!.address);
    t.fault(younger!.address);
    const told = story(t, oldest!, () => t.equal(t.fault(newest!.address), 0, 'fault'));
    t.equal(told.slice(0, 5), ['evict 0+16', 'event clear 0+1', 'zap 0+1', 'tlb', 'event clear 1+1'], 'how it begins');
    t.equal(
      told.filter((word) => /^(copy|toram|bo|evict)/.test(word)),
      ['evict 0+16', 'copy 0+16', 'toram 0+16', 'bo- 0+16', 'evicted 0', 'bo+ 0+16', 'copy 0+16'],
      'what is done',
    );
    t.equal(
      [oldest, younger, newest].map((memory) => places(t, memory!, CHUNK)),
      ['s*16', '0*16', '0*16'],
      'where the pages lie',
    );
    // One PTE was cleared: the others lead to VRAM of somebody else (V8-D5).
    t.equal(t.ptes(oldest!), '-*1 rw:stale*15', 'PTEs of the oldest');
    [oldest, younger, newest].forEach((memory, tag) =>
      t.equal(contents(t, memory!, CHUNK), filling(CHUNK, tag), `what the CPU reads in memory ${tag}`),
    );
  });

evictionGroup
  .case('pinned', 'a buffer with a pinned page stays after three attempts, and the next oldest leaves')
  .source('spec/findings-v8 §2')
  .needs(...NEEDS_VRAM)
  .run((t) => {
    withVram(t, 32);
    const [oldest, younger, newest] = [0, 1, 2].map((tag) => preferred(t, CHUNK, tag));
    t.fault(oldest!.address);
    t.fault(younger!.address);
    const frame = t.machine.process.space.pages.frameOf(Number(oldest!.at(3 * PAGE) >> 12n), true);
    const page = Number(oldest!.at(3 * PAGE) >> 12n);
    // Two references: that of get_user_pages counts next to the one of the fault.
    for (let count = 0; count < 2; count++) t.machine.process.space.pins.add(page, frame);
    const told = story(t, oldest!, () => t.equal(t.fault(newest!.address), 0, 'fault'));
    t.equal(told.filter((word) => word === 'event clear 3+1').length, 3, 'attempts at the pinned page');
    t.equal(
      told.filter((word) => word.startsWith('evicted')),
      [`evicted ${-EBUSY}`, 'evicted 0'],
      'how the evictions end',
    );
    t.equal(places(t, oldest!, CHUNK), 's*3 0*1 s*12', 'where the pages of the oldest lie');
    t.equal(places(t, younger!, CHUNK), 's*16', 'where those of the younger lie');
    t.machine.process.space.pins.drop(page);
  });

evictionGroup
  .case('others', 'another client makes the oldest leave, and takes what is never evicted')
  .source('spec/trace-format-v8 §2')
  .needs(...NEEDS_VRAM)
  .run((t) => {
    withVram(t, 32);
    const device = t.machine.devices[0]!;
    t.equal(device.evict(), -ENOENT, 'there is none to evict');
    const memory = preferred(t, CHUNK);
    t.fault(memory.address);
    t.equal(device.evict(), 0, 'the eviction');
    t.equal(places(t, memory, CHUNK), 's*16', 'where the pages lie');
    t.equal(device.takeVram(24n * 4096n), 0, 'where the other client has its place');
    t.advance();
    t.equal(t.fault(memory.address), -ENOMEM, 'fault without room');
    t.equal(device.freeVram(0), 0, 'what is given back');
    t.equal(t.fault(memory.address), 0, 'fault with room');
    t.equal(device.takeVram(24n * 4096n), 0, 'the other client again');
    t.equal(places(t, memory, CHUNK), 's*16', 'where the pages lie then');
  });

evictionGroup
  .case('temporary', 'a fault on pages that are there makes a buffer and gives it back')
  .source('spec/findings-v8 §3')
  .needs(...NEEDS_VRAM)
  .run((t) => {
    withVram(t, 64);
    const memory = preferred(t, CHUNK);
    t.fault(memory.address);
    memory.protect('r');
    t.advance();
    t.equal(
      story(t, memory, () => t.fault(memory.address)),
      ['bo+ 16+16', 'event migrate 0+16', 'bo- 16+16', 'pte 0+16'],
      'what the fault does',
    );
    t.equal(t.ptes(memory), 'r*16', 'PTEs');
  });
