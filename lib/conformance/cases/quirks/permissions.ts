/** Quirks of section D: pages and permissions. */
import { CaseGroup } from '../../framework/case.ts';
import { parameters } from '../../framework/parameters.ts';
import { CHUNK_2M, MIB, PAGE } from '../../support/units.ts';

export const quirkPermissionsGroup = new CaseGroup(
  'quirks,permissions',
  'Quirks Q48 to Q53: pages and permissions (spec/07-quirks §D)',
);

quirkPermissionsGroup
  .case('q50-work', 'one page that the GPU may not touch makes 2 MiB useless for it')
  .source('spec/07-quirks §Q50')
  .parameters(parameters().combine('bad', [1, 511]).combine('write', [false, true]))
  .needs('gpu-work', 'retry-faults', 'work-after-fault')
  .run(async (t, { bad, write }) => {
    const memory = t.map(CHUNK_2M);
    const queue = t.queue();
    await queue.fill(memory.address, 1, CHUNK_2M);
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
  .case('q50-file-end', 'a mapping that reaches beyond the end of its file cannot be mapped at all')
  .source('spec/07-quirks §Q50')
  .parameters(parameters().combine('filePages', [1, 511]).combine('kind', ['file', 'shared']))
  .needs('gpu-work', 'retry-faults', 'file-mapping', 'work-after-fault')
  .run(async (t, { filePages, kind }) => {
    const memory = t.map(CHUNK_2M, { kind, fileSize: filePages * PAGE });
    memory.write(0, Uint8Array.of(7));
    await t.throws(() => memory.read(filePages * PAGE, 1), 'EIO', 'CPU read after the end of the file');
    const outcome = await t
      .queue()
      .read(memory.address, 1)
      .then(
        ([byte]) => `read ${byte}`,
        (error: { code?: string }) => error.code,
      );
    t.shows(
      'Q50',
      { quirk: outcome === 'ERR_SVM_GPU_FAULT', correct: outcome === 'read 7' },
      'GPU read of a page of the file',
    );
  });

quirkPermissionsGroup
  .case(
    'q51-work',
    'a write next to a read-only part of a range makes that writable for the GPU (V4), or is never done',
  )
  .source('spec/07-quirks §Q51; spec/revisions §4, §5')
  .parameters(parameters().combine('half', ['first', 'second']))
  .needs('gpu-work', 'retry-faults')
  .run(async (t, { half }) => {
    const memory = t.map(CHUNK_2M);
    const queue = t.queue();
    await queue.fill(memory.address, 1, CHUNK_2M);
    const [readOnly, writable] = half === 'first' ? [0, MIB] : [MIB, 0];
    memory.protect('r', readOnly, MIB);
    t.equal((await queue.read(memory.at(readOnly), 1))[0], 1, 'what the GPU reads');
    if (t.can('read-only-retry')) {
      // What is mapped counts as valid, for a write too: the GPU never gets on.
      t.require('work-after-fault');
      const write = queue.fill(memory.at(writable), 2, 4);
      await t.throws(() => write, 'ERR_SVM_GPU_FAULT', 'the GPU write next to it');
      t.equal(memory.read(readOnly, 1)[0], 1, 'what the CPU reads');
      return;
    }
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
  .case('q52-work', 'a legal write is killed because a neighbour is read-only (V4), or is never done')
  .source('spec/07-quirks §Q52; spec/revisions §4, §5')
  .parameters(parameters().combine('readOnly', [1, 256, 511]))
  .needs('gpu-work', 'retry-faults', 'unmap-events')
  .run(async (t, { readOnly }) => {
    // The write is repeated forever.
    if (t.can('read-only-retry')) t.require('work-after-fault');
    const memory = t.map(CHUNK_2M);
    const queue = t.queue();
    await queue.fill(memory.address, 1, CHUNK_2M);
    memory.discard();
    memory.protect('r', readOnly * PAGE, PAGE);
    const outcome = await queue.fill(memory.address, 2, 4).then(
      () => 'written',
      (error: { code?: string }) => error.code,
    );
    t.equal(memory.read(0, 1)[0], outcome === 'written' ? 2 : 0, 'what the CPU reads');
    if (t.can('read-only-retry'))
      t.equal(outcome, 'ERR_SVM_GPU_FAULT', 'the legal write, whose page was mapped read-only with its neighbour');
    else t.shows('Q52', { quirk: outcome === 'ERR_SVM_GPU_FAULT', correct: outcome === 'written' }, 'the legal write');
  });
