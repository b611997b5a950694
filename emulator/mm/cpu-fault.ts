// Models: an access of the CPU where pages may lie in VRAM or be on their way (spec/trace-format-v8 §2, §3), and its page fault.
import { Errno } from '../../lib/uapi/errno.ts';
import type { FailureInjection } from '../kernel/failures.ts';
import type { Sleepable } from '../kernel/sleepable.ts';
import type { MovingSpace } from './moving-space.ts';
import { DEVICE_PRIVATE, MIGRATING, PRESENT, WRITE_FAULTED } from './cpu-pages.ts';
import { isIoOrPfnMap, Protection } from './vma.ts';
import type { Vma } from './vma.ts';

/** Result of a CPU access: 0 or a negative errno, the pages passed, and at how many no page was present. */
export interface TouchResult {
  readonly result: number;
  readonly pages: number;
  readonly fresh: number;
  /** Pages that lay in device private memory at the first look. */
  readonly back: number;
}

/** An access that faults so often at one page without getting on is given up. */
const MOST_FAULTS = 12;

/**
 * One fault at `page` of `vma`, whose protection permits the access. Returns 0 (look again), -EIO where a page cannot
 * come home (SIGBUS), or -ENOMEM. It sleeps while somebody else moves the page.
 */
export function* faultPage(
  space: MovingSpace,
  vma: Vma,
  page: number,
  write: boolean,
  failures: FailureInjection,
): Sleepable<number> {
  const { pages } = space;
  if (isLocked(space, page)) {
    yield;
    return 0;
  }
  if ((pages.marksOf(page) & DEVICE_PRIVATE) === 0) return faultSystemPage(space, vma, page, write, failures);
  const frame = pages.frameOf(page, true);
  const result = yield* space.devices!.mapOf(frame).migrateToRam(vma, page, frame);
  // mutant: bus-error-is-no-memory
  return result === 0 ? 0 : -Errno.EIO;
}

/** Whether a fault at `page` is one for system memory, of a page that nobody moves: `faultSystemPage` does. */
export function isSystemFault({ pages }: MovingSpace, page: number): boolean {
  return (pages.marksOf(page) & (DEVICE_PRIVATE | MIGRATING)) === 0;
}

/** As `faultPage` for such a page, which never sleeps. */
export function faultSystemPage(
  { pages, forks }: MovingSpace,
  vma: Vma,
  page: number,
  write: boolean,
  failures: FailureInjection,
): number {
  // Behind the end of a file: SIGBUS.
  if (page >= vma.fileEndPage) return -Errno.EIO;
  if (write && forks !== null) forks.breakSharing(page);
  if (pages.frameOf(page, true) === 0) {
    if (failures.take('allocate-page') !== 0) return -Errno.ENOMEM;
    if (pages.roomFor(page, page + 1) === page) return -Errno.ENOMEM;
  }
  pages.populate(vma, page, page + 1, write);
  return 0;
}

/** Whether somebody moves what `page` maps. */
function isLocked({ pages, devices }: MovingSpace, page: number): boolean {
  const marks = pages.marksOf(page);
  if ((marks & DEVICE_PRIVATE) === 0) return (marks & MIGRATING) !== 0;
  const frame = pages.frameOf(page, true);
  const allocation = devices!.allocationOf(frame)!;
  return allocation.isLocked(frame - allocation.firstFrame);
}

/** No errnos: the page is on its way, or lies in device private memory. */
const MOVES = 1;
const IN_VRAM = 2;

/** The CPU reads or writes one byte in each of some pages, in ascending order; resumable where it waits for a page. */
export class CpuAccess {
  private readonly space: MovingSpace;
  private readonly startPage: number;
  private readonly endPage: number;
  private readonly write: boolean;
  private readonly onPage: ((page: number) => void) | undefined;
  private readonly pins: boolean;
  private page: number;
  private fresh = 0;
  private back = 0;
  // The first look at the page at hand is over; its marks then; faults there.
  private looked = false;
  private seen = 0;
  private faults = 0;

  /** `onPage` is called for each page that it could; `pins`: it refuses pages without a struct page with EFAULT. */
  constructor(
    space: MovingSpace,
    startPage: number,
    endPage: number,
    write: boolean,
    onPage?: (page: number) => void,
    pins = false,
  ) {
    this.space = space;
    this.startPage = startPage;
    this.endPage = endPage;
    this.write = write;
    this.onPage = onPage;
    this.pins = pins;
    this.page = startPage;
  }

  /** All of it. */
  *run(): Sleepable<TouchResult> {
    while (this.page < this.endPage) {
      let result = this.step();
      if (result === MOVES) {
        yield;
        result = 0;
      } else if (result === IN_VRAM) {
        result = yield* this.bringHome();
      }
      if (result !== 0) return this.ended(result);
    }
    return this.ended(0);
  }

  /** Looks at the page at hand: it passes, or is faulted, or the result is one of those below. */
  private step(): number {
    const space = this.space;
    const page = this.page;
    const vma = space.findVma(page);
    if (vma === undefined) return -Errno.EFAULT;
    if ((vma.protection & (this.write ? Protection.write : Protection.read)) === 0) return -Errno.EACCES;
    if (isIoOrPfnMap(vma)) {
      if (this.pins) return -Errno.EFAULT;
      this.page++;
      return 0;
    }
    const marks = space.pages.marksOf(page);
    if ((marks & MIGRATING) !== 0) return MOVES;
    if (!this.looked) {
      this.looked = true;
      this.seen = marks;
    }
    const needed = this.write ? PRESENT | WRITE_FAULTED : PRESENT;
    if ((marks & needed) === needed) return this.next();
    if (this.faults++ === MOST_FAULTS) return -Errno.EAGAIN;
    if ((marks & DEVICE_PRIVATE) !== 0) return IN_VRAM;
    return faultSystemPage(space, vma, page, this.write, space.failures);
  }

  private *bringHome(): Sleepable<number> {
    const space = this.space;
    const page = this.page;
    const result = yield* faultPage(space, space.findVma(page)!, page, this.write, space.failures);
    if (result === -Errno.EIO)
      space.devices!.surroundings.effects.current?.hazard('V8-D12', 'an access of the CPU ends in a SIGBUS', page, 1);
    return result;
  }

  private next(): 0 {
    this.onPage?.(this.page);
    if (!this.write && this.space.moved.anyLost) this.lookForLoss();
    if (this.looked && (this.seen & DEVICE_PRIVATE) !== 0) this.back++;
    else if (this.looked && (this.seen & PRESENT) === 0) this.fresh++;
    this.page++;
    this.looked = false;
    this.faults = 0;
    return 0;
  }

  private lookForLoss(): void {
    const { pages, moved, devices } = this.space;
    if (moved.isLost(pages.frameOf(this.page, true)))
      devices?.surroundings.effects.current?.hazard('V8-D4', 'the CPU reads a page that was not copied', this.page, 1);
  }

  private ended(result: number): TouchResult {
    return { result, pages: this.page - this.startPage, fresh: this.fresh, back: this.back };
  }
}
