import { describe, expect, it } from 'vitest';
import { OperationLog, SilentLog } from './operation-log.ts';

describe('the log of operations', () => {
  it('has page after page of one operation as one entry, and so remembers what was before', () => {
    const log = new OperationLog();
    log.note(1, 'mmap', 0, 5000);
    // An access that faults four times at each page: more than the log has entries.
    for (let page = 0; page < 2000; page++)
      for (let attempt = 0; attempt < 4; attempt++) log.note(2, 'GPU read fault', page, page + 1);
    log.note(2, 'GPU write fault', 1999, 2000);
    expect(log.touching(1999, 2000)).toEqual([
      { operation: 1, what: 'mmap' },
      { operation: 2, what: 'GPU read fault' },
      { operation: 2, what: 'GPU write fault' },
    ]);
    expect(log.touching(2000, 2001)).toEqual([{ operation: 1, what: 'mmap' }]);
  });

  it('has nothing where nobody asks for what led somewhere', () => {
    const log: OperationLog = new SilentLog();
    log.note(1, 'mmap', 0, 5000);
    expect(log.touching(0, 5000)).toEqual([]);
  });

  it('keeps apart what is not next to each other', () => {
    const log = new OperationLog();
    log.note(1, 'discard', 10, 20);
    log.note(1, 'discard', 30, 40);
    log.note(2, 'discard', 40, 50);
    expect(log.touching(20, 30)).toEqual([]);
    expect(log.touching(35, 36)).toEqual([{ operation: 1, what: 'discard' }]);
    expect(log.touching(45, 46)).toEqual([{ operation: 2, what: 'discard' }]);
  });
});
