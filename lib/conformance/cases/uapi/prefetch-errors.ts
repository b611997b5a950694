/** The errors of a SET that maps an interval on the GPU. */
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { EFAULT } from '../../support/errno.ts';
import { getsWithoutMemory } from '../../support/without-memory.ts';

export const prefetchErrorsGroup = new CaseGroup(
  'uapi,prefetch-errors',
  'Errors that reach the caller from the mapping of an interval (spec/01-uapi §7)',
);

const PREFETCH = [1, 1] as const;

const BLOCK = pages(512);

prefetchErrorsGroup
  .case(
    'protected-page',
    'a page that the CPU may not touch makes the prefetch fail with EFAULT, and the record is stored all the same',
  )
  .source('spec/01-uapi §7; spec/02-attributes §4.8')
  .parameters(parameters().combine('page', [0, 1, 255, 511]))
  .run((t, { page }) => {
    const memory = t.map(BLOCK);
    memory.write(0, new Uint8Array([1]));
    memory.protect('-', pages(page), pages(1));
    t.equal(t.trySet(memory.range(), [PREFETCH]), -EFAULT, 'result of SET_ATTR');
    t.equal(t.get(memory.range(), [1]), [1], 'prefetch location afterwards');
    memory.protect('rw', pages(page), pages(1));
    t.equal(t.trySet(memory.range(), [PREFETCH, [3, 4]]), 0, 'SET_ATTR once the page can be touched');
  });

prefetchErrorsGroup
  .case('dead-process', 'after the exit of the process every SET fails with EFAULT, a GET answers (V4) or fails too')
  .source('spec/06-lifecycle §12; spec/02-attributes §4.2')
  .parameters(parameters().combine('type', [1, 2, 3]))
  .needs('process-exit')
  .run((t, { type }) => {
    const memory = t.map(BLOCK);
    t.set(memory.range(), [[type, 1]]);
    t.machine.process.exit();
    t.equal(t.trySet(memory.range(), [[type, 2]]), -EFAULT, 'result of SET_ATTR');
    getsWithoutMemory(t, memory.range(), [9], [0], 'GPU_EXEC');
  });
