/** KFDSVMRangeTest: the GPU copies between registered ranges while the CPU changes its mappings. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EPERM } from '../../../lib/conformance/support/errno.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { GPU, register } from '../../../lib/conformance/cases/kfdtest/node.ts';

export const memoryGroup = new CaseGroup(
  'kfdtest,KFDSVMRangeTest,memory',
  'kfdtest: the GPU works in registered ranges whose CPU mappings change',
);

memoryGroup
  .case('PartialUnmapSysMemTest-hole', 'munmap takes the PTEs of what it unmaps and of nothing else')
  .source('kfdtest KFDSVMRangeTest.PartialUnmapSysMemTest, extended')
  .parameters(parameters().combine('first', [0, 2, 10]).combine('count', [1, 4, 6]))
  .needs('introspection')
  .run((t, { first, count }) => {
    const memory = t.map(pages(16));
    register(t, memory.range(), t.device, { location: GPU });
    t.equal(t.ptes(memory.range()), 'rw*16', 'PTEs before munmap');
    memory.unmap(pages(first), pages(count));
    const runs = [
      [first, 'rw'],
      [count, '-'],
      [16 - first - count, 'rw'],
    ] as const;
    t.equal(
      t.ptes(memory.range(), { states: false }),
      runs
        .filter(([length]) => length > 0)
        .map(([length, letters]) => `${letters}*${length}`)
        .join(' '),
      'PTEs after it',
    );
  });

memoryGroup
  .case(
    'ReadOnlyRangeTest-killed',
    'what the CPU may not do the GPU may not: the access is killed with EPERM, not repeated, and nothing is mapped for it',
  )
  .source('kfdtest KFDSVMRangeTest.ReadOnlyRangeTest, extended; spec/05-faults §5.2')
  .parameters(parameters().combine('protection', ['r', 'rx', '-']).combine('registered', [false, true]))
  .needs('fault-handler', 'introspection', 'virtual-clock')
  .run((t, { protection, registered }) => {
    const memory = t.map(pages(1));
    if (registered) register(t, memory.range(), t.device);
    memory.write(0, new Uint8Array(pages(1)).fill(0x55));
    memory.protect(protection);
    t.equal(t.fault(memory.address, { write: true }), -EPERM, 'answer to a write');
    t.equal(t.ptes(memory.range()), '-*1', 'PTEs after it');
    const isReadable = protection !== '-';
    t.equal(t.fault(memory.address), isReadable ? 0 : -EPERM, 'answer to a read');
    t.equal(t.ptes(memory.range()), isReadable ? 'r*1' : '-*1', 'PTEs after it');
    t.advance();
    t.equal(t.fault(memory.address, { write: true }), -EPERM, 'answer to a write of the page that was read');
  });

memoryGroup
  .case('PrefaultPartialRangeTest-mapped', 'the prefetch maps every page, touched or not, and the GPU needs no fault')
  .source('kfdtest KFDSVMRangeTest.PrefaultPartialRangeTest, extended')
  .parameters(
    parameters().combine('touched', ['none', 'first', 'middle', 'last', 'all']).combine('count', [4, 16, 512]),
  )
  .needs('introspection', 'fault-handler')
  .run((t, { touched, count }) => {
    const memory = t.map(pages(count));
    const [first, end] = {
      none: [0, 0],
      first: [0, 1],
      middle: [1, count - 1],
      last: [count - 1, count],
      all: [0, count],
    }[touched] as [number, number];
    if (end > first) memory.write(pages(first), new Uint8Array(pages(end - first)).fill(2));
    register(t, memory.range(), t.device, { flags: [] });
    t.equal(t.ptes(memory.range()), `-*${count}`, 'PTEs before the prefetch');
    t.set(memory.range(), { prefetchLocation: 'device' });
    t.equal(t.ptes(memory.range()), `rw*${count}`, 'PTEs after it');
    t.equal(t.access(memory.address, memory.size, { write: true }).faults, 0, 'faults of a GPU write');
  });
