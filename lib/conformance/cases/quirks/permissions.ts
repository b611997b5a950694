/** Quirks of section D: pages and permissions. */
import { CaseGroup } from '../../framework/case.ts';
import { EIO, EOPNOTSUPP, EPERM } from '../../support/errno.ts';
import { parameters } from '../../framework/parameters.ts';
import {
  answerOf,
  BLOCK,
  FOLLOW,
  LOOK,
  MIB,
  NO_RETRY,
  onGpu,
  PAGE,
  plainPte,
  pteAt,
  region,
  T,
  WATCH,
  WRITEABLE,
} from '../../support/scene.ts';

export const quirkPermissionsGroup = new CaseGroup(
  'quirks,permissions',
  'Quirks Q48 to Q53: pages and permissions (spec/07-quirks §D)',
);

quirkPermissionsGroup
  .case('q48', 'pages collected for reading are mapped writable later')
  .source('spec/07-quirks §Q48')
  .parameters(parameters().combine('by', ['fault', 'prefetch']).combine('first', ['fault', 'prefetch']))
  .needs(...WATCH)
  .run((t, { by, first }) => {
    const memory = t.map(BLOCK);
    t.set(memory, [[T.gpuReadOnly, 1], ...(first === 'prefetch' ? [[T.prefetchLocation, 1] as const] : [])]);
    if (first === 'fault') t.equal(t.fault(memory.address), 0, 'read fault');
    t.equal(t.ptes(memory), 'r*512', 'PTEs of the read-only mapping');
    t.advance();
    t.set(memory, [
      [T.gpuReadOnly, 0],
      [T.prefetchLocation, by === 'prefetch' ? 1 : 0],
    ]);
    if (by === 'fault') t.equal(t.fault(memory.address, { write: true }), 0, 'write fault');
    const words = t.ptes(memory);
    t.shows('Q48', { quirk: words === 'rw:cow*512', correct: words === 'rw*512' }, 'the writable PTEs');
  });

quirkPermissionsGroup
  .case('q49', 'behind a read-only VMA a prefetch maps writable memory read-only')
  .source('spec/07-quirks §Q49')
  .parameters(parameters().combine('before', ['nothing', 'mapped-writable']))
  .needs(...WATCH)
  .run((t, { before }) => {
    const memory = region(t, 2 * BLOCK);
    memory.protect('r', 0, BLOCK);
    t.set(memory, [[T.access, 1]]);
    if (before === 'mapped-writable') {
      t.equal(t.fault(memory.at(BLOCK), { write: true }), 0, 'write fault');
      t.equal(t.ptes(memory), '-*512 rw*512', 'PTEs before');
    }
    t.set(memory, [[T.prefetchLocation, 1]]);
    t.equal(t.ptes(memory.range(0, BLOCK)), 'r*512', 'PTEs of the read-only memory');
    const words = t.ptes(memory.range(BLOCK));
    t.shows('Q49', { quirk: words === 'r*512', correct: words === 'rw*512' }, 'the PTEs of the writable memory');
  });

quirkPermissionsGroup
  .case('q50-work', 'one page that the GPU may not touch makes 2 MiB useless for it')
  .source('spec/07-quirks §Q50')
  .parameters(parameters().combine('bad', [1, 511]).combine('write', [false, true]))
  .needs('gpu-work')
  .run(async (t, { bad, write }) => {
    const memory = t.map(BLOCK);
    const queue = t.queue();
    await queue.fill(memory.address, 1, BLOCK);
    memory.discard();
    memory.protect('-', bad * PAGE, PAGE);
    t.equal(memory.read(0, 1)[0], 0, 'what the CPU reads');
    const outcome = await (write ? queue.fill(memory.address, 2, 4) : queue.read(memory.address, 4)).then(
      () => 'served',
      (error: { code?: string }) => error.code,
    );
    t.shows(
      'Q50',
      { quirk: outcome === 'ERR_SVM_GPU_FAULT', correct: outcome === 'served' },
      'the access to a page that the CPU may use',
    );
    memory.protect('rw');
    await queue.fill(memory.address, 3, 4);
    t.equal(memory.read(0, 1)[0], 3, 'what the CPU reads in the end');
  });

quirkPermissionsGroup
  .case('q50-file-end', 'a mapping that reaches beyond the end of its file can not be mapped at all')
  .source('spec/07-quirks §Q50')
  .needs('file-mapping')
  .unimplemented('the files of the emulator have no end, and a kernel mapping of the suite is anonymous');

quirkPermissionsGroup
  .case('q51-work', 'a write beside it makes a read-only part of a range writable for the GPU')
  .source('spec/07-quirks §Q51')
  .parameters(parameters().combine('half', ['first', 'second']))
  .needs('gpu-work')
  .run(async (t, { half }) => {
    const memory = t.map(BLOCK);
    const queue = t.queue();
    await queue.fill(memory.address, 1, BLOCK);
    const [readOnly, writable] = half === 'first' ? [0, MIB] : [MIB, 0];
    memory.protect('r', readOnly, MIB);
    t.equal((await queue.read(memory.at(readOnly), 1))[0], 1, 'what the GPU reads');
    await queue.fill(memory.at(writable), 2, 4);
    const outcome = await queue.fill(memory.at(readOnly), 3, 4).then(
      () => 'written',
      (error: { code?: string }) => error.code,
    );
    const [byte] = memory.read(readOnly, 1);
    t.shows(
      'Q51',
      { quirk: outcome === 'written' && byte === 3, correct: outcome === 'ERR_SVM_GPU_FAULT' && byte === 1 },
      'a write of the GPU to read-only memory',
    );
  });

quirkPermissionsGroup
  .case('q51', 'a part of a range made read-only becomes GPU-writable')
  .source('spec/07-quirks §Q51')
  .needs(...WATCH)
  .run((t) => {
    const memory = onGpu(t);
    memory.protect('r', MIB, MIB);
    t.equal(t.fault(memory.at(MIB)), 0, 'read fault in the read-only part');
    t.equal(pteAt(t, memory.at(MIB)) & WRITEABLE, 0n, 'write bit there');
    t.advance();
    t.equal(t.fault(memory.address, { write: true }), 0, 'write fault in the writable part');
    const words = t.ptes(memory.range(MIB));
    t.shows(
      'Q51',
      { quirk: words === 'rw:perm*256', correct: !words.includes('rw') },
      'the PTEs of the read-only part',
    );
  });

quirkPermissionsGroup
  .case('q52-work', 'a legal write is killed because a neighbour is read-only')
  .source('spec/07-quirks §Q52')
  .parameters(parameters().combine('readOnly', [1, 256, 511]))
  .needs('gpu-work')
  .run(async (t, { readOnly }) => {
    const memory = t.map(BLOCK);
    const queue = t.queue();
    await queue.fill(memory.address, 1, BLOCK);
    memory.discard();
    memory.protect('r', readOnly * PAGE, PAGE);
    const outcome = await queue.fill(memory.address, 2, 4).then(
      () => 'written',
      (error: { code?: string }) => error.code,
    );
    t.equal(memory.read(0, 1)[0], outcome === 'written' ? 2 : 0, 'what the CPU reads');
    t.shows('Q52', { quirk: outcome === 'ERR_SVM_GPU_FAULT', correct: outcome === 'written' }, 'the legal write');
  });

quirkPermissionsGroup
  .case('q52', 'the kill leaves the no-retry PTE at the legal address')
  .source('spec/07-quirks §Q52')
  .needs(...WATCH)
  .run((t) => {
    const memory = onGpu(t);
    memory.discard();
    memory.protect('r', MIB, MIB);
    const { handled, result } = t.gpu().vmFault({ address: memory.address, write: true });
    const pte = pteAt(t, memory.address);
    t.shows(
      'Q52',
      { quirk: !handled && result === -EPERM && pte === NO_RETRY, correct: handled && pte === plainPte(t) },
      'the legal write',
    );
  });

quirkPermissionsGroup
  .case('q53-mixedmap', 'an interval that is left makes a VM_MIXEDMAP mapping usable that is refused without')
  .source('spec/07-quirks §Q53')
  .needs(...FOLLOW, 'special-mapping', 'address-choice')
  .run((t) => {
    const [registered, plain] = [region(t), region(t)];
    t.set(registered, [[T.access, 1]]);
    const results = [registered, plain].map((memory) => {
      memory.unmap();
      t.machine.process.mmap({ address: memory.address, size: BLOCK, kind: 'mixedmap' });
      return t.fault(memory.address);
    });
    t.equal(
      [results[1], t.trySet(plain, [[T.access, 1]])],
      [-EOPNOTSUPP, -EOPNOTSUPP],
      'fault and SET without an interval',
    );
    t.shows(
      'Q53',
      { quirk: results[0] === 0 && t.ptes(registered) === 'rw*512', correct: results[0] === -EOPNOTSUPP },
      'the fault with an interval',
    );
  });

quirkPermissionsGroup
  .case('q53-errors', 'VM_IO and VM_PFNMAP are refused with EIO under an interval, with EOPNOTSUPP without')
  .source('spec/07-quirks §Q53')
  .parameters(parameters().combine('kind', ['io', 'pfnmap']).combine('protection', ['r', 'rw']))
  .needs(...LOOK, 'events', 'special-mapping', 'address-choice')
  .run((t, { kind, protection }) => {
    const [registered, plain] = [region(t), region(t)];
    t.set(registered, [[T.access, 1]]);
    const results = [registered, plain].map((memory) => {
      memory.unmap();
      t.machine.process.mmap({ address: memory.address, size: BLOCK, kind, protection });
      return answerOf(t, () => t.fault(memory.address))[0];
    });
    t.equal(results[1], -EOPNOTSUPP, 'fault without an interval');
    t.shows('Q53', { quirk: results[0] === -EIO, correct: results[0] === -EOPNOTSUPP }, 'the fault with an interval');
  });
