/** What a change of attributes does to what is mapped, from V5 on. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { CHANGEABLE, change } from '../../../lib/conformance/support/attributes.ts';
import { EINTR } from '../../../lib/conformance/support/errno.ts';
import { CHUNK_2M, PAGE } from '../../../lib/conformance/support/units.ts';
import { answerOf, effects, NEEDS_EFFECTS, onGpu, rangeWords, region } from '../support/scene.ts';

export const changesGroup = new CaseGroup(
  'attributes,changes',
  'Changes that take pages from the GPU (spec/revisions §4, V5 items 2 to 6)',
);

const BLOCKS = 3;
/** Pages `[first, count]` of three mapped blocks. */
const PARTS = { all: [0, 1536], block: [512, 512], page: [700, 1], crossing: [256, 512] } as const;

changesGroup
  .case(
    'taken',
    'ranges inside lose their PTEs and stay, crossing ones go as a whole; granularity alone touches nothing',
  )
  .source('spec/revisions §4, V5 item 6')
  .parameters(
    parameters()
      .combine(
        'attribute',
        CHANGEABLE.filter((name) => name !== 'prefetchLocation'),
      )
      .combine('part', Object.keys(PARTS) as (keyof typeof PARTS)[]),
  )
  .needs('changes-invalidate', ...NEEDS_EFFECTS)
  .run((t, { attribute, part }) => {
    const memory = region(t, BLOCKS * CHUNK_2M);
    t.set(memory, { access: 'allow-migrate' });
    t.equal(t.access(memory.address, memory.size, { write: true }).faults, BLOCKS, 'faults');
    const [first, count] = PARTS[part];
    t.set(memory.range(first * PAGE, count * PAGE), [change(attribute)]);
    const quiet = attribute === 'granularity';
    const words = [0, 1, 2].flatMap((block) => {
      const [from, to] = [block * 512, block * 512 + 512];
      const name = `${from}+512`;
      if (quiet || first >= to || first + count <= from) return [`${name} mapped dma`];
      return first <= from && first + count >= to ? [`${name} dma`] : [];
    });
    t.equal(rangeWords(t, memory), words, 'ranges');
    const kept = words.map((word) => (word.includes('mapped') ? Number.parseInt(word, 10) : -1));
    for (const block of [0, 1, 2])
      t.equal(
        t.ptes(memory.range(block * CHUNK_2M, CHUNK_2M)),
        kept.includes(block * 512) ? 'rw*512' : '-*512',
        `PTEs of block ${block}`,
      );
  });

changesGroup
  .case('one-flush', 'the TLB is flushed once for all ranges of a change, and not at all where nothing was mapped')
  .source('spec/revisions §4, V5 item 6')
  .parameters(parameters().combine('mapped', [0, 1, 3]))
  .needs('changes-invalidate', ...NEEDS_EFFECTS)
  .run((t, { mapped }) => {
    const memory = region(t, BLOCKS * CHUNK_2M);
    t.set(memory, { access: 'allow-migrate' });
    for (let block = 0; block < mapped; block++) t.equal(t.fault(memory.at(block * CHUNK_2M)), 0, 'fault');
    const seen = effects(t, memory, () => t.set(memory, { gpuReadOnly: true }), ['ptes-zapped', 'tlb-flushed']);
    t.equal(
      seen,
      [...Array.from({ length: mapped }, (_, block) => `zap ${block * 512}+512`), ...(mapped > 0 ? ['tlb'] : [])],
      'effects',
    );
  });

changesGroup
  .case('refault', 'a fault after the change uses the pages that it had, and maps nothing for 2 ms')
  .source('spec/revisions §4, V5 item 6')
  .needs('changes-invalidate', ...NEEDS_EFFECTS)
  .run((t) => {
    const memory = region(t);
    t.set(memory, { access: 'allow-migrate' });
    t.equal(t.fault(memory.address), 0, 'fault');
    t.set(memory, { gpuReadOnly: true });
    t.equal(
      answerOf(t, () => t.fault(memory.address)),
      [0, 'recently-mapped'],
      'answer inside the window',
    );
    t.advance();
    t.equal(
      effects(t, memory, () => t.fault(memory.address)),
      ['pte 0+512'],
      'effects after it',
    );
    t.equal(t.ptes(memory), 'r*512', 'PTEs');
  });

changesGroup
  .case('interrupted', 'a SET and a GET that are interrupted where they look for buffer objects change nothing')
  .source('spec/revisions §4, V5 item 3')
  .parameters(parameters().combine('operation', [0, 1]))
  .needs('buffer-object-check', 'introspection', 'failure-injection')
  .run((t, { operation }) => {
    const memory = region(t);
    t.gpu().failures.plan('reserve-page-directory', 'EINTR');
    const { result } = t.ioctl({ operation, ...memory.range(), attributes: { granularity: 5 } });
    t.equal(result, -EINTR, 'result');
    t.equal(t.state().attributes, [], 'attribute intervals');
    t.has(memory, { granularity: 9 }, 'granularity');
  });

changesGroup
  .case('reset', 'a RESET touches neither ranges nor PTEs; the next fault brings the defaults')
  .source('spec/revisions §4, V5 item 2')
  .parameters(parameters().combine('part', ['all', 'page']))
  .needs('reset', ...NEEDS_EFFECTS)
  .run((t, { part }) => {
    const memory = region(t);
    t.set(memory, { gpuReadOnly: true });
    t.equal(t.fault(memory.address), 0, 'fault');
    const range = part === 'all' ? memory.range() : memory.range(0, PAGE);
    t.equal(
      effects(t, memory, () => t.device.resetAttributes(range)),
      [],
      'effects',
    );
    t.equal([t.ptes(memory), rangeWords(t, memory)], ['r*512', ['0+512 mapped dma']], 'PTEs and ranges');
    t.advance();
    t.equal(t.fault(memory.address, { write: true }), 0, 'write fault on the first page');
    // The attributes of the page that faults decide for all of the range.
    t.equal(t.ptes(memory), 'rw*512', 'PTEs afterwards');
  });

changesGroup
  .case('reset-collects', 'a RESET waits for the collector, as SET and GET do')
  .source('spec/revisions §4, V5 items 2 and 4')
  .parameters(parameters().combine('call', ['reset', 'get', 'set']))
  .needs('reset', ...NEEDS_EFFECTS, 'deferred-work')
  .run((t, { call }) => {
    const memory = onGpu(t);
    const elsewhere = region(t, PAGE);
    memory.unmap();
    t.equal(t.state().collectorQueued, true, 'the collector is queued');
    if (call === 'reset') t.device.resetAttributes(elsewhere);
    else if (call === 'set') t.set(elsewhere, { granularity: 4 });
    else t.has(elsewhere, { granularity: 9 }, 'granularity');
    t.equal([t.state().collectorQueued, t.state().ranges], [false, []], 'collector and ranges');
  });
