/** Quirks of section A: closing a context and unloading the driver. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { EOPNOTSUPP } from '../../../lib/conformance/support/errno.ts';
import { region } from '../../../lib/conformance/support/region.ts';

export const closingQuirksGroup = new CaseGroup('quirks,abi', 'Life cycle and ABI (07-quirks, section A)');

const CACHES = ['amdgpu_svm_range_cache', 'amdgpu_svm_attr_range_cache'];

const NO_UNLOADING = 'the trace format has no operation that unloads the driver';

closingQuirksGroup
  .case('q11-events-ignored-while-closing', 'once the context closes, changes of the memory leave the PTEs live')
  .source('spec/07-quirks §Q11')
  .parameters(parameters().combine('event', ['discard', 'unmap', 'protect'] as const))
  .needs('fault-handler', 'introspection', 'events')
  .run((t, { event }) => {
    const memory = region(t);
    t.access(memory.address, pages(512), { write: true });
    t.equal(t.ptes(memory.range()), 'rw*512', 'PTEs before');
    t.gpu().closeContext(t.gpu().files[0]!);
    const counts = t.countEvents(() => {
      if (event === 'discard') memory.discard();
      else if (event === 'unmap') memory.unmap();
      else memory.protect('-');
    });
    t.equal(counts.get('notifier-called'), 1, 'notifier calls');
    t.equal(counts.get('collection-queued') ?? 0, 0, 'ranges queued for collection');
    const live = t.ptes(memory.range(), { states: false });
    t.shows(
      'Q11',
      {
        quirk: live === 'rw*512' && !counts.has('tlb-flushed'),
        correct: live === '-*512' && counts.has('tlb-flushed'),
      },
      'PTEs after the event',
    );
  });

closingQuirksGroup
  .case('q11-events-count-before-closing', 'the same changes clear the PTEs while the context is open')
  .source('spec/07-quirks §Q11; spec/04-invalidation-and-gc §3')
  .parameters(parameters().combine('event', ['discard', 'unmap', 'protect'] as const))
  .needs('fault-handler', 'introspection')
  .run((t, { event }) => {
    const memory = region(t);
    t.access(memory.address, pages(512), { write: true });
    t.equal(t.ptes(memory.range()), 'rw*512', 'PTEs before');
    if (event === 'discard') memory.discard();
    else if (event === 'unmap') memory.unmap();
    else memory.protect('-');
    t.equal(t.ptes(memory.range()), '-*512', 'PTEs after the event');
  });

closingQuirksGroup
  .case('q12-caches-stay', 'the slab caches outlive the driver')
  .source('spec/07-quirks §Q12; spec/06-lifecycle §2, §7')
  .parameters(
    parameters()
      .combine('creation', ['conversion', 'ioctl', 'refused'] as const)
      .combine('gpus', [1, 2]),
  )
  .needs('introspection', 'lazy-context', 'configuration')
  .unrecorded(NO_UNLOADING)
  .needs('refuses-xnack-off')
  .run((t, { creation, gpus }) => {
    t.setup({
      gpus,
      compute: creation === 'conversion',
      ...(creation === 'refused' ? { machine: { asic: 'gfx1030' } } : {}),
    });
    if (creation !== 'conversion')
      t.equal(
        t.trySet(t.map(pages(1)).range(), { access: 'in-place' }),
        creation === 'refused' ? -EOPNOTSUPP : 0,
        'result of the first ioctl',
      );
    t.equal(t.machine.snapshot().driver.slabCaches, CACHES, 'slab caches while the driver is loaded');
    for (const device of t.devices) device.close();
    const left = t.machine.unloadDriver();
    t.equal(t.machine.snapshot().driver, { loaded: false, slabCaches: left }, 'the unloaded driver');
    t.shows(
      'Q12',
      { quirk: left.length === CACHES.length, correct: left.length === 0 },
      'slab caches without the driver',
    );
  });

closingQuirksGroup
  .case('q12-no-context-no-caches', 'a driver that never made a context leaves no slab cache')
  .source('spec/07-quirks §Q12; spec/06-lifecycle §7')
  .parameters(parameters().combine('svmConfigured', [true, false]))
  .needs('introspection', 'lazy-context', 'configuration')
  .unrecorded(NO_UNLOADING)
  .run((t, { svmConfigured }) => {
    t.setup({ compute: !svmConfigured, machine: { svmConfigured } });
    t.device.close();
    t.equal(t.machine.unloadDriver(), [], 'slab caches that are left');
  });
