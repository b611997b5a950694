/** What the VM layer does with the answer of the handler. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EOPNOTSUPP, EPERM } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  answerWhileClosing,
  answerWithoutMemory,
  NEEDS_EFFECTS,
  NEEDS_FAULTS,
  NO_RETRY,
  plainPte,
  pteAt,
  region,
} from '../support/scene.ts';
import { CHUNK_2M, PAGE } from '../../../lib/conformance/support/units.ts';

export const vmLayerGroup = new CaseGroup(
  'faults,order',
  'The order of the checks of a fault, and the VM layer around them (spec/05-faults §1, §2, §5, §7)',
);

vmLayerGroup
  .case(
    'vm-layer-handled',
    'a fault that is answered 0 is handled, whether or not something was mapped; nothing else is written',
  )
  .source('spec/05-faults §1')
  .parameters(parameters().combine('what', ['mapped', 'no-vma', 'recent', 'pages-unavailable']))
  .needs(...NEEDS_EFFECTS, 'failure-injection')
  .run((t, { what }) => {
    const memory = region(t);
    if (what === 'no-vma') memory.unmap();
    if (what === 'pages-unavailable') t.gpu().failures.plan('collect-pages', 'ENOMEM');
    if (what === 'recent') {
      t.equal(t.fault(memory.address), 0, 'fault');
      memory.discard();
    }
    t.equal(
      t.gpu().vmFault({ address: memory.address, write: false }),
      what === 'pages-unavailable'
        ? { handled: answerWithoutMemory(t)[0] === 0, askedHandler: 'svm', result: answerWithoutMemory(t)[0] }
        : { handled: true, askedHandler: 'svm', result: 0 },
      'outcome',
    );
    if (what === 'pages-unavailable' && answerWithoutMemory(t)[0] !== 0) return;
    t.equal(t.ptes(memory), what === 'mapped' ? 'rw*512' : '-*512', 'PTEs');
  });

vmLayerGroup
  .case(
    'vm-layer-killed',
    'any other answer kills the access: the PTE of its page becomes the no-retry PTE, others stay',
  )
  .source('spec/05-faults §1; quirks Q60, Q61')
  .parameters(parameters().combine('what', ['permission', 'commit', 'closing', 'refused-vma']).combine('page', [0, 77]))
  .needs(...NEEDS_EFFECTS, 'failure-injection', 'special-mapping')
  .run((t, { what, page }) => {
    const memory = region(t, CHUNK_2M, { kind: what === 'refused-vma' ? 'io' : 'anon' });
    if (what === 'permission') memory.protect('-');
    if (what === 'commit') t.gpu().failures.plan('write-ptes', 'EBUSY');
    if (what === 'closing') t.gpu().closeContext(t.gpu().files[0]!);
    const result = { permission: -EPERM, commit: -16, closing: answerWhileClosing(t), 'refused-vma': -EOPNOTSUPP }[
      what
    ];
    t.equal(
      t.gpu().vmFault({ address: memory.at(page * PAGE), write: false }),
      { handled: result === 0, askedHandler: 'svm', result },
      'outcome',
    );
    if (result === 0) return;
    t.equal(pteAt(t, memory.at(page * PAGE)), NO_RETRY, 'PTE of the page');
    t.equal(pteAt(t, memory.at((page + 1) * PAGE)), 0n, 'PTE after it');
  });

vmLayerGroup
  .case('vm-layer-unknown', 'for an unknown PASID nobody is asked and nothing is written')
  .source('spec/05-faults §1 step 1')
  .needs(...NEEDS_FAULTS)
  .run((t) => {
    const memory = region(t);
    t.equal(
      t.gpu().vmFault({ address: memory.address, write: false, pasid: 3 }),
      { handled: false, askedHandler: 'none', result: undefined },
      'outcome',
    );
    t.equal([t.ptes(memory), t.state().counters.faults], ['-*512', 0], 'PTEs and faults');
  });

vmLayerGroup
  .case('vm-layer-graphics', 'a VM that is no compute VM is not asked: the dummy page is mapped and the fault reported')
  .source('spec/05-faults §1 step 5; quirk Q04')
  .parameters(parameters().combine('write', [false, true]))
  .needs(...NEEDS_FAULTS, 'lazy-context')
  .run((t, { write }) => {
    t.setup({ compute: false });
    const memory = region(t);
    t.set(memory, { access: 'in-place' });
    t.equal(
      t.gpu().vmFault({ address: memory.address, write }),
      { handled: false, askedHandler: 'none', result: undefined },
      'outcome',
    );
    t.equal([pteAt(t, memory.address), pteAt(t, memory.at(PAGE))], [0x77n, 0n], 'PTEs');
    t.set(memory, { prefetchLocation: 'device' });
    t.equal(pteAt(t, memory.address), plainPte(t), 'PTE after a prefetch');
  });

vmLayerGroup
  .case('vm-layer-kfd', 'without a context KFD SVM is asked, never after the SVM handler')
  .source('spec/05-faults §1 steps 3 and 4; quirk Q02')
  .parameters(parameters().combine('svm', [false, true]))
  .needs(...NEEDS_FAULTS, 'configuration')
  .run((t, { svm }) => {
    t.setup({ machine: { svmConfigured: svm } });
    const memory = t.map(CHUNK_2M, { protection: '-' });
    t.equal(
      t.gpu().vmFault({ address: memory.address, write: false }),
      { handled: false, askedHandler: svm ? 'svm' : 'kfd-svm', result: svm ? -EPERM : undefined },
      'outcome',
    );
    t.equal(pteAt(t, memory.address), NO_RETRY, 'PTE');
  });
