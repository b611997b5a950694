/** Quirks of section E: faults. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EAGAIN, EBUSY, EINVAL, ENOMEM, EPERM } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { effects, NEEDS_EFFECTS, moved, NO_RETRY, pteAt, rangeWords, region } from '../support/scene.ts';
import { CHUNK_2M, PAGE } from '../../../lib/conformance/support/units.ts';

export const quirkFaultsGroup = new CaseGroup('quirks,faults', 'Quirks Q54 to Q67 and Q70: faults (spec/07-quirks §E)');

quirkFaultsGroup
  .case('q54', 'an access without VMA is handled forever, with an interval and without')
  .source('spec/07-quirks §Q54')
  .parameters(
    parameters().combine('address', ['zero', 'hole', 'interval', 'dead-process']).combine('write', [false, true]),
  )
  .needs(...NEEDS_EFFECTS, 'process-exit')
  .run((t, { address, write }) => {
    const memory = region(t);
    if (address === 'interval' || address === 'dead-process') t.set(memory, { access: 'in-place' });
    if (address === 'dead-process') t.machine.process.exit();
    else memory.unmap();
    const outcomes = [1, 2, 3].map(() => {
      t.advance();
      return t.gpu().vmFault({ address: address === 'zero' ? 0n : memory.address, write }).handled;
    });
    t.equal(t.ptes(memory, { states: false }).includes('r'), false, 'a readable PTE is there');
    t.shows(
      'Q54',
      { quirk: outcomes.every((handled) => handled), correct: outcomes.includes(false) },
      'accesses without VMA',
    );
  });

quirkFaultsGroup
  .case('q55', 'errors of the collection other than EPERM are swallowed; from v8 on not ENOMEM')
  .source('spec/07-quirks §Q55; spec/revisions §5')
  .parameters(parameters().combine('errno', ['EFAULT', 'EOPNOTSUPP', 'EBUSY', 'ENOMEM', 'EINVAL']))
  .needs(...NEEDS_EFFECTS, 'failure-injection')
  .run((t, { errno }) => {
    const memory = region(t);
    t.gpu().failures.plan('collect-pages', errno, 1000);
    let handled = false;
    const retries = effects(
      t,
      memory,
      () => {
        ({ handled } = t.gpu().vmFault({ address: memory.address, write: false }));
      },
      ['retry'],
    ).length;
    t.equal(rangeWords(t, memory), ['0+512'], 'ranges');
    if (errno === 'ENOMEM' && !t.can('faults-hide-shortage')) {
      t.equal([handled, retries], [false, 0], 'whether the access is served, and attempts after the first');
      return;
    }
    const again = ['EFAULT', 'EOPNOTSUPP', ...(t.can('faults-hide-shortage') ? [] : ['EBUSY'])].includes(errno);
    t.shows(
      'Q55',
      { quirk: handled && retries === (again ? 2 : 0), correct: !handled },
      'the answer to an access that cannot be served',
    );
  });

quirkFaultsGroup
  .case('q56', 'a write to GPU_RO memory is never reported and makes no progress')
  .source('spec/07-quirks §Q56; spec/revisions §5')
  .parameters(parameters().combine('before', ['nothing', 'read']))
  .needs(...NEEDS_EFFECTS)
  .run((t, { before }) => {
    const memory = region(t);
    t.set(memory, { gpuReadOnly: true });
    if (before === 'read') t.equal(t.fault(memory.address), 0, 'read fault');
    let commits = 0;
    t.onEnd(t.machine.on('ptes-written', () => void commits++));
    const handled = [1, 2, 3].map(() => {
      t.advance();
      return t.gpu().vmFault({ address: memory.address, write: true }).handled;
    });
    t.equal(pteAt(t, memory.address) & 0x40n, 0n, 'write bit');
    // From V6 on a range that is mapped for reading is valid: it is not mapped again.
    const inVain = t.can('read-only-retry') ? (before === 'read' ? 0 : 1) : 3;
    t.shows(
      'Q56',
      { quirk: handled.every((each) => each) && commits === inVain, correct: handled.includes(false) },
      'writes to read-only memory',
    );
  });

quirkFaultsGroup
  .case('q57', 'a needed fault soon after a commit is dropped')
  .source('spec/07-quirks §Q57')
  .parameters(parameters().combine('by', ['fault', 'prefetch']).combine('lost', ['discard', 'one-page', 'protect']))
  .needs(...NEEDS_EFFECTS)
  .run((t, { by, lost }) => {
    const memory = region(t);
    if (by === 'fault') t.equal(t.fault(memory.address), 0, 'first fault');
    else t.set(memory, { prefetchLocation: 'device' });
    t.advance(500_000);
    if (lost === 'discard') memory.discard();
    else if (lost === 'one-page') memory.discard(0, PAGE);
    else memory.protect('r');
    t.advance(500_000);
    t.equal(pteAt(t, memory.address), 0n, 'PTE before');
    t.equal(t.fault(memory.address), 0, 'the needed fault');
    const pte = pteAt(t, memory.address);
    t.shows('Q57', { quirk: pte === 0n, correct: pte !== 0n }, 'the needed fault');
    t.advance(1_000_000);
    t.equal(t.fault(memory.address), 0, 'the fault at 2 ms');
    t.ok(pteAt(t, memory.address) !== 0n, 'the fault at 2 ms maps');
  });

quirkFaultsGroup
  .case(
    'q58',
    'a range that is invalidated again and again keeps the handler in its loop, however often (V4), or for three attempts',
  )
  .source('spec/07-quirks §Q58; spec/revisions §4')
  .parameters(parameters().combine('events', [3, 30, 60]))
  .needs(...NEEDS_EFFECTS, 'preemption')
  .run((t, { events }) => {
    // One page: the cost of an attempt is that of the range.
    const memory = region(t, PAGE);
    let passes = 0;
    const remove = t.machine.at('pages-got', () => {
      if (++passes <= events) memory.discard();
    });
    let result = 1;
    const { filterRemove } = moved(t, ['filterRemove'], () => (result = t.fault(memory.address)));
    remove();
    if (t.can('read-only-retry')) t.equal([result, passes, filterRemove], [0, 3, 1], 'answer and attempts');
    t.shows(
      'Q58',
      { quirk: result === 0 && passes === events + 1 && filterRemove === events / 3, correct: passes === 3 },
      'attempts of one fault',
    );
  });

quirkFaultsGroup
  .case('q59', 'the address at exactly the end of the mirrored addresses passes the bound check')
  .source('spec/07-quirks §Q59')
  .parameters(parameters().combine('vma', [false, true]))
  .needs(...NEEDS_EFFECTS, 'configuration', 'address-choice')
  .run((t, { vma }) => {
    t.setup({ machine: { vaBits: 40 } });
    const end = 1n << 40n;
    const memory = region(t, 2 * CHUNK_2M, { address: end });
    t.set(memory, { access: 'in-place' });
    if (!vma) memory.unmap();
    t.equal(t.fault(end + 4096n), -EINVAL, 'fault one page after');
    const result = t.fault(end);
    t.shows(
      'Q59',
      { quirk: result === 0 && t.ptes(memory) === (vma ? 'rw*512 -*512' : '-*1024'), correct: result === -EINVAL },
      'fault at the end',
    );
  });

quirkFaultsGroup
  .case('q60', 'a killed write destroys a valid mapping, and nothing repairs it')
  .source('spec/07-quirks §Q60')
  .parameters(parameters().combine('page', [0, 300]))
  .needs(...NEEDS_EFFECTS)
  .unrecorded('the trace format has faults of the SVM handler, not of the VM layer that asks it')
  .run((t, { page }) => {
    const memory = region(t);
    memory.protect('r');
    t.equal(t.access(memory.at(page * PAGE), 8).runs[0]!.outcome, 'faulted', 'the first read');
    t.equal(
      t.gpu().vmFault({ address: memory.at(page * PAGE), write: true }),
      { handled: false, askedHandler: 'svm', result: -EPERM },
      'the write',
    );
    t.equal(pteAt(t, memory.at(page * PAGE)), NO_RETRY, 'PTE after it');
    t.advance();
    const read = t.access(memory.at(page * PAGE), 8);
    t.shows(
      'Q60',
      {
        quirk: read.runs[0]!.outcome === 'failed' && rangeWords(t, memory)[0] === '0+512 mapped dma',
        correct: read.runs[0]!.outcome === 'faulted',
      },
      'the legal read after it',
    );
    t.equal(t.access(memory.at((page + 1) * PAGE), 8).runs[0]!.outcome, 'hit', 'a read of the page after');
    memory.discard();
    t.equal(t.access(memory.at(page * PAGE), 8).runs[0]!.outcome, 'faulted', 'a read after an event');
  });

quirkFaultsGroup
  .case('q61', 'conditions that pass kill the access; from v8 on not the closing of the context')
  .source('spec/07-quirks §Q61; spec/revisions §5')
  .parameters(parameters().combine('condition', ['closing', 'evicting']))
  .needs(...NEEDS_EFFECTS, 'failure-injection')
  .run((t, { condition }) => {
    const memory = region(t);
    if (condition === 'closing') t.gpu().closeContext(t.gpu().files[0]!);
    else t.gpu().failures.plan('write-ptes', 'EBUSY');
    const { handled, result } = t.gpu().vmFault({ address: memory.address, write: false });
    const killed = !handled && pteAt(t, memory.address) === NO_RETRY;
    if (condition === 'closing' && !t.can('faults-hide-shortage')) t.equal([handled, result], [true, 0], 'the access');
    else
      t.shows(
        'Q61',
        { quirk: killed && result === (condition === 'closing' ? -EAGAIN : -EBUSY), correct: handled },
        'the access',
      );
  });

quirkFaultsGroup
  .case('q62', 'lack of memory kills an access or is swallowed, depending on where it is met')
  .source('spec/07-quirks §Q62')
  .parameters(
    parameters().combine('place', ['allocate-interval', 'allocate-notifier', 'allocate-range', 'clear-split']),
  )
  .needs(...NEEDS_EFFECTS, 'failure-injection', 'address-choice')
  .needsAt(({ place }) => (place === 'clear-split' ? ['unmap-clears-attributes'] : []))
  .run((t, { place }) => {
    const results = [place, 'collect-pages' as const].map((where) => {
      const memory = region(t, 3 * CHUNK_2M);
      const other = region(t, PAGE, { address: memory.address + (1n << 36n) });
      if (where === 'clear-split') {
        t.set(memory, { access: 'in-place' });
        t.equal(t.fault(memory.at(CHUNK_2M)), 0, 'fault');
        memory.unmap(CHUNK_2M, CHUNK_2M);
      }
      t.gpu().failures.plan(where, 'ENOMEM');
      return t.fault(other.address);
    });
    t.shows(
      'Q62',
      { quirk: results[0] === -ENOMEM && results[1] === 0, correct: results[0] === results[1] },
      'the same shortage at two places',
    );
  });
