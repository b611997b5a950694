/** Which memory goes to VRAM, and when (spec/migration §3 - §5). */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { EFAULT, EINVAL } from '../../../lib/conformance/support/errno.ts';
import { PAGE } from '../../../lib/conformance/support/units.ts';
import {
  CHUNK,
  contents,
  filled,
  filling,
  NEEDS_VRAM,
  places,
  preferred,
  story,
  withVram,
} from '../support/vram-scene.ts';

export const wishesGroup = new CaseGroup(
  'migration,wishes',
  'Memory goes to VRAM where an attribute wishes it, and the driver can move it (spec/migration §3)',
);

wishesGroup
  .case('locations', 'any location but "system" and "undefined" is this GPU')
  .source('spec/migration §3')
  .parameters(parameters().combine('location', [0, 1, 2, 5, 0xffff_fffe, 0xffff_ffff]))
  .needs(...NEEDS_VRAM)
  .run((t, { location }) => {
    withVram(t, 64);
    const memory = filled(t, CHUNK);
    t.set(memory, { preferredLocation: location });
    t.equal(t.fault(memory.address), 0, 'fault');
    const isDevice = location !== 0 && location !== 0xffff_ffff;
    t.equal(places(t, memory, CHUNK), isDevice ? '0*16' : 's*16', 'where the pages lie');
    // The flags of a PTE say which memory it leads to: without SYSTEM it is that of the GPU.
    t.equal((t.state().ptes[0]!.flags & 2n) === 0n, isDevice, 'PTEs of VRAM');
    t.equal(contents(t, memory, CHUNK), filling(CHUNK), 'what the CPU reads afterwards');
  });

wishesGroup
  .case('prefetch', 'a prefetch moves at once, again where the pages came home, and writes PTEs of what is there')
  .source('spec/migration §6')
  .needs(...NEEDS_VRAM)
  .run((t) => {
    withVram(t, 64);
    const memory = filled(t, CHUNK);
    const prefetch = (): void => t.set(memory, { prefetchLocation: 'device' });
    t.equal(
      story(t, memory, prefetch),
      ['bo+ 0+16', 'event migrate 0+16', 'copy 0+16', 'tovram 0+16', 'pte 0+16', 'tlb'],
      'the first',
    );
    t.equal(story(t, memory, prefetch), ['pte 0+16', 'tlb'], 'the second, of pages that are there');
    t.machine.process.touch(memory.address, 1, false);
    t.equal(places(t, memory, CHUNK), 's*16', 'after an access of the CPU');
    prefetch();
    t.equal(places(t, memory, CHUNK), '0*16', 'after the third');
    t.equal(contents(t, memory, CHUNK), filling(CHUNK), 'what the CPU reads');
  });

wishesGroup
  .case('stays', 'pages in VRAM stay where the wish is gone, and are mapped there')
  .source('spec/migration §3')
  .needs(...NEEDS_VRAM)
  .run((t) => {
    withVram(t, 64);
    const memory = preferred(t, CHUNK);
    t.equal(t.fault(memory.address), 0, 'fault');
    t.set(memory, { preferredLocation: 'undefined' });
    t.advance();
    t.equal(
      story(t, memory, () => t.fault(memory.address)),
      ['pte 0+16'],
      'the next fault',
    );
    t.equal(places(t, memory, CHUNK), '0*16', 'where the pages lie');
  });

wishesGroup
  .case('holes', 'pages that nobody has touched are VRAM at once, without a copy, after those that are copied')
  .source('spec/trace-format-v8 §5')
  .needs(...NEEDS_VRAM)
  .run((t) => {
    withVram(t, 1024);
    const memory = t.map(512 * PAGE);
    t.machine.process.write(memory.at(3 * PAGE), new Uint8Array([9]));
    const prefetch = (): void => t.set(memory, { prefetchLocation: 'device' });
    t.equal(
      story(t, memory, prefetch),
      [
        'bo+ 0+512',
        'event migrate 0+512',
        'copy 3+1',
        'event migrate 0+512',
        'tovram 0+3',
        'tovram 4+508',
        'tovram 3+1',
        'pte 0+512',
        'tlb',
      ],
      'what a prefetch does',
    );
    t.equal(t.machine.process.read(memory.at(3 * PAGE), 1)[0], 9, 'what the CPU reads');
  });

wishesGroup
  .case('file-memory', 'memory of a file cannot move: a prefetch says so, a fault is answered 0 forever')
  .source('spec/findings-v8 §3')
  .needs(...NEEDS_VRAM)
  .run((t) => {
    withVram(t, 64);
    const memory = filled(t, CHUNK, 0, { kind: 'file' });
    t.equal(t.trySet(memory, { prefetchLocation: 'device' }), -EFAULT, 'prefetch');
    const told = story(t, memory, () => t.equal(t.fault(memory.address), 0, 'fault'));
    t.equal(told, [], 'what the fault does: no PTE, and no other attempt');
    t.set(memory, { prefetchLocation: 'system', preferredLocation: 'undefined' });
    t.equal(t.fault(memory.address), 0, 'fault without a wish');
    t.equal(t.ptes(memory), 'rw*16', 'PTEs without a wish');
  });

wishesGroup
  .case('no-vram', 'where SVM has no use of VRAM a wish is none')
  .source('spec/migration §1')
  .parameters(parameters().combine('why', ['none', 'appApu', 'preferGtt', 'registration', 'old']))
  .needs(...NEEDS_VRAM)
  .run((t, { why }) => {
    const options = {
      none: { vram: 0 },
      appApu: { appApu: true },
      preferGtt: { preferGtt: true },
      registration: { vramRegistration: -EINVAL },
      old: { gc: '9.0.0' },
    }[why];
    withVram(t, 64, options);
    if (why === 'old') {
      t.equal(t.machine.devices[0]!.registration, -EINVAL, 'registration');
      return;
    }
    const memory = preferred(t, CHUNK);
    t.equal(t.fault(memory.address), 0, 'fault');
    t.equal(places(t, memory, CHUNK), 's*16', 'where the pages lie');
    t.equal(t.ptes(memory), 'rw*16', 'PTEs');
  });
