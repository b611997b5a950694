/** What becomes of a migration that fails, as a whole or in part (spec/migration §4, spec/findings-v8 §2). */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EBUSY, EFAULT, EIO, ENOMEM } from '../../../lib/conformance/support/errno.ts';
import { PAGE } from '../../../lib/conformance/support/units.ts';
import { during } from '../support/scene.ts';
import { CHUNK, contents, filling, NEEDS_VRAM, places, preferred, story, withVram } from '../support/vram-scene.ts';

export const failuresGroup = new CaseGroup(
  'migration,failures',
  'A migration that fails leaves the pages where they were, and is the answer (spec/migration §4)',
);

failuresGroup
  .case('pinned', 'one pinned page keeps all of its range in system memory, and the access is killed')
  .source('spec/findings-v8 §3')
  .needs(...NEEDS_VRAM)
  .run((t) => {
    withVram(t, 64);
    const memory = preferred(t, CHUNK);
    t.machine.process.calls.pin(memory.at(3 * PAGE), 4096n);
    const told = story(t, memory, () => t.equal(t.fault(memory.address), -EBUSY, 'fault'));
    t.equal(
      told.filter((word) => /^(bo|tovram)/.test(word)),
      ['bo+ 0+16', 'bo- 0+16', 'bo+ 0+16', 'bo- 0+16'],
      'two attempts',
    );
    t.equal(places(t, memory, CHUNK), 's*16', 'where the pages lie');
    t.machine.process.calls.unpin(memory.at(3 * PAGE), 4096n);
    t.equal(t.fault(memory.address), 0, 'fault without the pin');
    t.equal(contents(t, memory, CHUNK), filling(CHUNK), 'what the CPU reads');
  });

failuresGroup
  .case('pinned-meanwhile', 'a page that is pinned while the others are copied stays alone')
  .source('spec/findings-v8 §2')
  .needs(...NEEDS_VRAM, 'preemption')
  .run((t) => {
    withVram(t, 64);
    const memory = preferred(t, CHUNK);
    const { space } = t.machine.process;
    const page = Number(memory.at(3 * PAGE) >> 12n);
    const frame = space.pages.frameOf(page, true);
    // Both attempts meet it: the second finds the page where it was.
    const result = during(
      t,
      'copy',
      () => space.pins.add(page, frame),
      () => t.fault(memory.address),
    );
    t.equal(result, -EBUSY, 'fault');
    t.equal(places(t, memory, CHUNK), 's*16', 'where the pages lie after the second attempt');
    space.pins.drop(page);
    t.equal(contents(t, memory, CHUNK), filling(CHUNK), 'what the CPU reads');
  });

failuresGroup
  .case('copy-in', 'a failing copy is the answer, and the pages stay')
  .source('spec/migration §4')
  .needs(...NEEDS_VRAM, 'failure-injection')
  .run((t) => {
    withVram(t, 64);
    const memory = preferred(t, CHUNK);
    const [device] = t.machine.devices;
    for (const [point, errno, answer] of [
      ['copy-buffer', 'EIO', -EIO],
      ['map-copy-window', 'ENOMEM', -ENOMEM],
      ['map-dma', 'EFAULT', -EFAULT],
      ['allocate-buffer', 'ENOMEM', -ENOMEM],
    ] as const) {
      device!.failures.plan(point, errno);
      t.equal(t.fault(memory.address), answer, `fault with a failure at ${point}`);
      t.equal(places(t, memory, CHUNK), 's*16', `where the pages lie after a failure at ${point}`);
    }
    t.equal(t.fault(memory.address), 0, 'fault without a failure');
    t.equal(contents(t, memory, CHUNK), filling(CHUNK), 'what the CPU reads');
  });

failuresGroup
  .case('copy-out', 'a failing copy home is a bus error for the CPU, and the next access succeeds')
  .source('spec/findings-v8 §3')
  .needs(...NEEDS_VRAM, 'failure-injection')
  .run((t) => {
    withVram(t, 64);
    const memory = preferred(t, CHUNK);
    t.fault(memory.address);
    const [device] = t.machine.devices;
    const { calls } = t.machine.process;
    for (const [point, errno] of [
      ['copy-buffer', 'EIO'],
      ['map-dma', 'EFAULT'],
    ] as const) {
      device!.failures.plan(point, errno);
      t.equal(calls.touch(memory.address, 1n, false).result, -EIO, `access with a failure at ${point}`);
      t.equal(places(t, memory, CHUNK), '0*16', `where the pages lie after a failure at ${point}`);
    }
    t.equal(contents(t, memory, CHUNK), filling(CHUNK), 'what the CPU reads');
  });
