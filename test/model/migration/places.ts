/** Where buffers lie in VRAM, and what else lies under one range (spec/trace-format-v8 §4, spec/migration §5). */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { EFAULT, ENOMEM, EOPNOTSUPP } from '../../../lib/conformance/support/errno.ts';
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

export const placesGroup = new CaseGroup(
  'migration,places',
  'A buffer is the lowest free place aligned to its size, and one range is one buffer (spec/trace-format-v8 §4)',
);

placesGroup
  .case('alignment', 'a buffer of 64 KiB after one of 4 KiB lies at the next multiple of its size')
  .source('spec/trace-format-v8 §4')
  .needs(...NEEDS_VRAM)
  .run((t) => {
    withVram(t, 64);
    const small = preferred(t, 1);
    const large = preferred(t, CHUNK);
    t.equal(story(t, small, () => t.fault(small.address))[0], 'bo+ 0+1', 'the small one');
    t.equal(story(t, large, () => t.fault(large.address))[0], 'bo+ 16+16', 'the large one');
    const next = preferred(t, 1);
    t.equal(story(t, next, () => t.fault(next.address))[0], 'bo+ 1+1', 'the next small one');
  });

placesGroup
  .case('last-page', 'a buffer is given back with its last page')
  .source('spec/migration §2, §6')
  .needs(...NEEDS_VRAM)
  .run((t) => {
    withVram(t, 64);
    const memory = preferred(t, CHUNK);
    t.fault(memory.address);
    t.equal(
      story(t, memory, () => memory.unmap(0, 15 * PAGE)).filter((word) => word.startsWith('bo')),
      [],
      'after all pages but one',
    );
    t.equal(
      story(t, memory, () => memory.unmap(15 * PAGE)).filter((word) => word.startsWith('bo')),
      ['bo- 0+16'],
      'after the last one',
    );
  });

placesGroup
  .case('too-large', 'what can never fit makes nobody leave')
  .source('spec/trace-format-v8 §4')
  .needs(...NEEDS_VRAM)
  .run((t) => {
    withVram(t, 64);
    const other = preferred(t, CHUNK);
    t.fault(other.address);
    const memory = preferred(t, 512);
    const told = story(t, memory, () => t.equal(t.fault(memory.address), -ENOMEM, 'fault'));
    t.equal(told, [], 'what it does');
    t.equal(places(t, other, CHUNK), '0*16', 'the other memory');
  });

placesGroup
  .case('mixed', 'pages of VRAM and of system memory are not mapped together')
  .source('spec/findings-v8 §1')
  .needs(...NEEDS_VRAM)
  .run((t) => {
    withVram(t, 64);
    const memory = preferred(t, CHUNK);
    t.fault(memory.address);
    t.set(memory, { preferredLocation: 'system' });
    // Of the pages after the hole none is in VRAM: HMM brings the one page, and no other home.
    memory.discard(15 * PAGE, PAGE);
    t.advance();
    const told = story(t, memory, () => t.equal(t.fault(memory.address), 0, 'fault'));
    t.equal(told, ['retry 0+1', 'retry 0+1'], 'what it does');
    t.equal(t.trySet(memory, { prefetchLocation: 'device' }), 0, 'a prefetch brings them home, and moves all');
    t.equal(places(t, memory, CHUNK), '0*16', 'where the pages lie then');
    t.equal(contents(t, memory, 15), filling(15), 'what the CPU reads');
  });

placesGroup
  .case('after-a-hole', 'with a hole before them the pages in VRAM come home')
  .source('spec/findings-v8 §1')
  .needs(...NEEDS_VRAM)
  .run((t) => {
    withVram(t, 64);
    const memory = preferred(t, CHUNK);
    t.fault(memory.address);
    t.set(memory, { preferredLocation: 'system' });
    memory.discard(4 * PAGE, PAGE);
    t.advance();
    t.equal(t.fault(memory.address), 0, 'fault');
    t.equal(places(t, memory, CHUNK), 's*16', 'where the pages lie');
    t.equal(t.ptes(memory), 'rw*16', 'PTEs');
  });

placesGroup
  .case('two-buffers', 'pages of two buffers are not mapped together')
  .source('spec/findings-v8 §3')
  .needs(...NEEDS_VRAM)
  .run((t) => {
    withVram(t, 1024);
    const memory = filled(t, 512);
    for (const half of [0, 1]) t.set(memory.range(half * 256 * PAGE, 256 * PAGE), { prefetchLocation: 'device' });
    // The ranges go, and the pages stay.
    t.machine.devices[0]!.finaliseContext(t.machine.devices[0]!.files[0]!);
    t.set(memory, { preferredLocation: 'device' });
    t.equal(t.fault(memory.address), 0, 'fault');
    t.equal(t.trySet(memory, { prefetchLocation: 'device' }), -EOPNOTSUPP, 'prefetch');
    t.equal(places(t, memory, 512), '0*512', 'where the pages lie');
  });

placesGroup
  .case('partly-there', 'where a part of a range lies in VRAM all of it comes home, and moves together')
  .source('spec/migration §4')
  .needs(...NEEDS_VRAM)
  .run((t) => {
    withVram(t, 64);
    const memory = preferred(t, CHUNK);
    t.fault(memory.address);
    memory.discard(4 * PAGE, PAGE);
    t.machine.process.write(memory.at(4 * PAGE), new Uint8Array([77]));
    t.advance();
    t.equal(
      story(t, memory, () => t.fault(memory.address)).filter((word) => /^(bo|copy|toram|tovram)/.test(word)),
      [
        'bo+ 16+16',
        'bo- 16+16',
        'copy 0+4',
        'copy 5+11',
        'toram 0+4',
        'toram 5+11',
        'bo- 0+16',
        'bo+ 0+16',
        'copy 0+16',
        'tovram 0+16',
      ],
      'what the fault does',
    );
    t.equal(contents(t, memory, CHUNK), filling(CHUNK).with(4, 77), 'what the CPU reads');
  });

placesGroup
  .case('peers', 'a page of another GPU comes home, or keeps everybody in its hive from using it')
  .source('spec/migration §7')
  .parameters(parameters().combine('links', ['none', 'hive']).combine('wish', [true, false]))
  .needs(...NEEDS_VRAM, 'two-gpus')
  .run((t, { links, wish }) => {
    t.setup({ gpus: 2, machine: { vram: 64 * PAGE, links } });
    const memory = preferred(t, CHUNK);
    t.equal(t.fault(memory.address), 0, 'fault of GPU 0');
    if (wish) t.set(memory, { preferredLocation: 'device' }, t.devices[1]!);
    else t.set(memory, { access: 'allow-migrate' }, t.devices[1]!);
    const result = t.fault(memory.address, { device: 1 });
    t.equal(result, links === 'hive' && wish ? -EFAULT : 0, 'fault of GPU 1');
    // Pages of others are none that the CPU has: the range of GPU 1 is one page.
    const moved = wish ? '1*1 s*15' : 's*16';
    t.equal(places(t, memory, CHUNK), links === 'hive' ? '0*16' : moved, 'where the pages lie');
    t.equal(t.ptes(memory, { device: 1 }), links === 'hive' ? '-*16' : 'rw*1 -*15', 'PTEs of GPU 1');
  });
