// Models: the system calls by which a process changes its memory (spec/trace-format §3), each an operation of its own.
import { Errno } from '../lib/uapi/errno.ts';
import { LockAssertionError } from './kernel/lock.ts';
import type { OperationScope } from './kernel/operation-scope.ts';
import { isPageAligned, pageOfAddress } from './kernel/page-number.ts';
import { TASK_SIZE_PAGES } from './mm/address-space.ts';
import type { AddressSpace, TouchResult } from './mm/address-space.ts';
import type { MachineCosts } from './cost/machine-costs.ts';
import { CpuAccess } from './mm/cpu-fault.ts';
import { freeFrame } from './mm/device-entries.ts';
import { ForkedChild, Forks } from './mm/forks.ts';
import { collapse, setLocked, swapOut } from './mm/reclaim.ts';
import type { SwapResult } from './mm/reclaim.ts';
import { remap } from './mm/remap.ts';
import { SLEEPING } from './svm/sleeping.ts';
import type { VmaKind } from './mm/vma.ts';
import type { OperationJournal } from './drm/journal.ts';

/** How a touch goes on. */
interface TouchOptions {
  readonly onPage?: (page: number) => void;
  readonly sleeper?: (touched: TouchResult) => void;
  /** True: pages without a struct page are refused with EFAULT. */
  readonly pins?: boolean;
}

/** System calls on one address space: byte addresses in, 0 or a negative errno out. */
export class ProcessCalls {
  readonly space: AddressSpace;
  readonly #scope: OperationScope;
  readonly #journal: { current: OperationJournal | null };
  /** Whether private memory is of kind 'thp' without being asked. */
  readonly hugeAnonymous: boolean;
  readonly #costs: MachineCosts | null;
  #children = 0;

  constructor(
    space: AddressSpace,
    scope: OperationScope,
    journal: { current: OperationJournal | null },
    hugeAnonymous: boolean,
    costs: MachineCosts | null = null,
  ) {
    this.space = space;
    this.#scope = scope;
    this.#journal = journal;
    this.hugeAnonymous = hugeAnonymous;
    this.#costs = costs;
  }

  /** Maps exactly there, of a file up to `fileSize` bytes; EEXIST if anything overlaps, EINVAL unaligned, empty or beyond the task size, EPERM at 0. */
  mmap(address: bigint, size: bigint, protection: number, kind: VmaKind, fileSize?: bigint): number {
    this.#needMmapLock('mmap');
    const interval = pageInterval(address, size);
    const actual = kind === 'anon' && this.hugeAnonymous ? 'thp' : kind;
    const result =
      interval === null
        ? -Errno.EINVAL
        : this.#scope.run(() =>
            this.space.map(interval.start, interval.end, protection, actual, fileEndPage(interval.start, fileSize)),
          );
    this.#journal.current?.record({ name: 'mmap', address, size, protection, kind, fileSize, result });
    return result;
  }

  munmap(address: bigint, size: bigint): number {
    this.#needMmapLock('munmap');
    const interval = pageInterval(address, size);
    const result =
      interval === null
        ? isAlignedPart(address, size) && wraps(address, size)
          ? 0
          : -Errno.EINVAL
        : this.#unmap(interval.start, interval.end);
    this.#journal.current?.record({ name: 'munmap', address, size, result });
    return result;
  }

  #unmap(startPage: number, endPage: number): number {
    const scope = this.#scope;
    const nested = scope.begin();
    try {
      const result = this.space.unmap(startPage, endPage);
      scope.succeed();
      return result;
    } finally {
      scope.end(nested);
    }
  }

  /**
   * mremap: of the mapping's last part in place (`target` undefined), or to exactly `target` (MREMAP_FIXED; what is mapped
   * there goes). `keepOld`: MREMAP_DONTUNMAP. NotModelledError for memory of hugetlbfs and for pages that a child shares.
   */
  mremap(address: bigint, size: bigint, newSize: bigint, target?: bigint, keepOld = false): number {
    this.#needMmapLock('mremap');
    const from = pageInterval(address, size);
    const to = pageInterval(target ?? address, newSize);
    const result =
      from === null || to === null
        ? -Errno.EINVAL
        : this.#scope.run(() =>
            remap(this.space, {
              startPage: from.start,
              oldPages: from.end - from.start,
              newPages: to.end - to.start,
              target: target === undefined ? null : to.start,
              keepOld,
            }),
          );
    this.#journal.current?.record({ name: 'mremap', address, size, newSize, target, keepOld, result });
    return result;
  }

  /** mlock: the pages are brought in, and reclaim leaves them alone. */
  mlock(address: bigint, size: bigint): number {
    return this.#setLocked('mlock', address, size);
  }

  munlock(address: bigint, size: bigint): number {
    return this.#setLocked('munlock', address, size);
  }

  /** The pages are swapped out (MADV_PAGEOUT); `pages`: how many left. */
  swapOut(address: bigint, size: bigint): SwapResult {
    let pages = 0;
    const result = this.#overInterval(address, size, (start, end) => {
      const swapped = swapOut(this.space, start, end);
      ({ pages } = swapped);
      return swapped.result;
    });
    this.#journal.current?.record({ name: 'swapout', address, size, pages, result });
    return { result, pages };
  }

  /** Blocks of 2 MiB become huge pages (MADV_COLLAPSE, khugepaged). */
  collapse(address: bigint, size: bigint): number {
    this.#needMmapLock('collapse');
    const result = this.#overInterval(address, size, (start, end) => collapse(this.space, start, end));
    this.#journal.current?.record({ name: 'collapse', address, size, result });
    return result;
  }

  /** fork: private pages are shared with a child until one of both writes. Returns the number of the child, from 1. */
  fork(): number {
    this.#needMmapLock('fork');
    const { space } = this;
    const child = ++this.#children;
    this.#scope.run(() => {
      space.forks ??= new Forks(space);
      space.forks.add(new ForkedChild(child, space, space.vmas.values()), space.vmas.values());
    });
    this.#journal.current?.record({ name: 'fork', child, result: 0 });
    return child;
  }

  /** The child of that number, while it lives. */
  child(child: number): ForkedChild | undefined {
    return this.space.forks?.find(child);
  }

  /**
   * The child writes to each page; `onPage` gets its number and bytes. 0, -ESRCH without such a child, -EFAULT where it has
   * no memory. NotModelledError for a page that lies in VRAM.
   */
  childWrite(child: number, address: bigint, size: bigint, onPage?: (page: number, bytes: Uint8Array) => void): number {
    const found = this.child(child);
    const result = found === undefined ? -Errno.ESRCH : this.#writeInChild(found, address, size, onPage);
    this.#journal.current?.record({ name: 'childwrite', child, address, size, result });
    return result;
  }

  /** The child exits: what only the process has then is written without a copy. -ESRCH without such a child. */
  childExit(child: number): number {
    const { space } = this;
    const result = space.forks?.remove(child) === true ? 0 : -Errno.ESRCH;
    if (space.forks?.size === 0) space.forks = null;
    this.#journal.current?.record({ name: 'childexit', child, result });
    return result;
  }

  #writeInChild(
    child: ForkedChild,
    address: bigint,
    size: bigint,
    onPage?: (page: number, bytes: Uint8Array) => void,
  ): number {
    const end = Number((address + size + 0xfffn) >> 12n);
    for (let page = pageOfAddress(address); page < end; page++) {
      const bytes = child.bytesOf(page);
      if (bytes === null) return -Errno.EFAULT;
      onPage?.(page, bytes);
    }
    return 0;
  }

  #setLocked(name: 'mlock' | 'munlock', address: bigint, size: bigint): number {
    this.#needMmapLock(name);
    // Rounded out to pages, as the system call does.
    const start = address & ~0xfffn;
    const bytes = (address + size + 0xfffn - start) & ~0xfffn;
    const result = this.#overInterval(start, bytes, (first, end) =>
      setLocked(this.space, first, end, name === 'mlock'),
    );
    this.#journal.current?.record({ name, address, size, result });
    return result;
  }

  /** A size of 0 succeeds and does nothing. */
  mprotect(address: bigint, size: bigint, protection: number): number {
    this.#needMmapLock('mprotect');
    const result = this.#overInterval(address, size, (start, end) => this.space.protect(start, end, protection));
    this.#journal.current?.record({ name: 'mprotect', address, size, protection, result });
    return result;
  }

  /** MADV_DONTNEED. A size of 0 succeeds and does nothing. */
  dontneed(address: bigint, size: bigint): number {
    const result = this.#overInterval(address, size, (start, end) => this.space.discard(start, end));
    this.#journal.current?.record({ name: 'dontneed', address, size, result });
    return result;
  }

  /**
   * The CPU touches every page from `address` to `address + size - 1`; `options.onPage` is called for each that it could.
   * Where it meets a page that the interrupted operation moves, it sleeps: then the result is `SLEEPING`, and
   * `options.sleeper` gets the one that comes in the end.
   */
  touch(address: bigint, size: bigint, write: boolean, options: TouchOptions = {}): TouchResult {
    const start = pageOfAddress(address);
    // Behind 2^64 the addresses begin again: the last page lies before the first, and none is touched.
    const end = wraps(address, size) ? start : Number((address + size + 0xfffn) >> 12n);
    const touched = this.#scope.run(() => this.#touchPages(start, end, write, options));
    if (options.pins === true) this.#journal.current?.record({ name: 'pin', address, size, ...touched });
    else this.#journal.current?.record({ name: 'touch', address, size, write, ...touched });
    return touched;
  }

  #touchPages(start: number, end: number, write: boolean, { onPage, sleeper, pins }: TouchOptions): TouchResult {
    const { space } = this;
    if (space.touchesPlainly && pins !== true) {
      const touched = this.#paid(space.touch(start, end, write));
      if (onPage !== undefined) for (let page = start; page < start + touched.pages; page++) onPage(page);
      return touched;
    }
    const access = new CpuAccess(space, start, end, write, onPage, pins).run();
    const first = access.next();
    if (first.done === true) return this.#paid(first.value);
    this.#scope.addSleeper({
      resume: () => {
        const step = access.next();
        if (step.done === true) sleeper?.(this.#paid(step.value));
        return step.done === true;
      },
    });
    if (sleeper === undefined)
      throw new LockAssertionError(
        'the CPU waits for a page that the interrupted operation moves, and goes on after it',
      );
    return { result: SLEEPING, pages: 0, fresh: 0, back: 0 };
  }

  /** The time of the page faults passes when the access has ended. */
  #paid(touched: TouchResult): TouchResult {
    this.#costs?.cpuFaults(touched.fresh + touched.back);
    return touched;
  }

  /** get_user_pages: the CPU reads each page as in `touch`, and somebody keeps a reference: it cannot move until `unpin`. */
  pin(address: bigint, size: bigint, sleeper?: (touched: TouchResult) => void): TouchResult {
    const { pages, pins } = this.space;
    const onPage = (page: number): void => pins.add(page, pages.frameOf(page));
    return this.touch(address, size, false, { onPage, pins: true, ...(sleeper === undefined ? {} : { sleeper }) });
  }

  /** Drops the references that were taken under these pages; returns how many. */
  unpin(address: bigint, size: bigint): number {
    const start = pageOfAddress(address);
    const end = wraps(address, size) ? start : Number((address + size + 0xfffn) >> 12n);
    let dropped = 0;
    for (let page = start; page < end; page++) {
      for (const frame of this.space.pins.drop(page)) {
        dropped++;
        if (this.space.devices?.cpuPageOf(frame) === -1) freeFrame(this.space, frame);
      }
    }
    this.#journal.current?.record({ name: 'unpin', address, size, pages: dropped, result: 0 });
    return dropped;
  }

  /**
   * The process exits; its memory is gone. `whileLocked`: also where the interrupted operation holds the mmap lock,
   * which no real process could do (spec/trace-format §10).
   */
  exit({ whileLocked = false } = {}): void {
    if (!whileLocked) this.#needMmapLock('mmexit');
    this.#scope.run(() => this.space.exit());
    this.#journal.current?.record({ name: 'mmexit', result: 0 });
  }

  #overInterval(address: bigint, size: bigint, call: (startPage: number, endPage: number) => number): number {
    if (!isPageAligned(address) || !isPageAligned(size)) return -Errno.EINVAL;
    if (size === 0n) return 0;
    if (wraps(address, size)) return 0;
    // No range check: the first hole ends it, wherever that is (spec/trace-format §10).
    const start = pageOfAddress(address);
    return this.#scope.run(() => call(start, start + pageOfAddress(size)));
  }

  #needMmapLock(call: string): void {
    if (this.space.mmapLock.held) {
      throw new LockAssertionError(`${call} needs the mmap lock for writing, which the interrupted operation holds`);
    }
  }
}

/** The first page after the end of a file of so many bytes that begins at `startPage`. */
function fileEndPage(startPage: number, fileSize: bigint | undefined): number | undefined {
  return fileSize === undefined ? undefined : startPage + Number((fileSize + 0xfffn) >> 12n);
}

/** Whether the end of an interval is beyond the last address, so that it comes before its start. */
function wraps(address: bigint, size: bigint): boolean {
  return address + size >= 1n << 64n;
}

function isAlignedPart(address: bigint, size: bigint): boolean {
  return isPageAligned(address) && isPageAligned(size) && size !== 0n;
}

/** The pages of `[address, address + size)`, or null if unaligned, empty or beyond the task size. */
function pageInterval(address: bigint, size: bigint): { start: number; end: number } | null {
  if (!isAlignedPart(address, size)) return null;
  const start = pageOfAddress(address);
  const end = start + pageOfAddress(size);
  return end > TASK_SIZE_PAGES ? null : { start, end };
}
