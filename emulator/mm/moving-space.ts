// Models: nothing - what those who move pages need of the address space, which itself calls some of them.
import type { FailureInjection } from '../kernel/failures.ts';
import type { CpuPages } from './cpu-pages.ts';
import type { DeviceMaps } from './device-pages.ts';
import type { MovedContents } from './moved-contents.ts';
import type { IntervalNotifierSet } from './interval-notifier.ts';
import type { PageContents } from './page-contents.ts';
import type { PagePins } from './page-pins.ts';
import type { Vma } from './vma.ts';

/** The pages that children share with the process. */
interface SharedPages {
  breakSharing(page: number): void;
}

/** The memory of one process whose pages can move. */
export interface MovingSpace {
  readonly pages: CpuPages;
  readonly contents: PageContents;
  readonly moved: MovedContents;
  readonly notifiers: IntervalNotifierSet;
  readonly pins: PagePins;
  readonly failures: FailureInjection;
  readonly devices: DeviceMaps | null;
  readonly hasUsers: boolean;
  /** Children that share pages; null: there are none. */
  readonly forks: SharedPages | null;
  findVma(page: number): Vma | undefined;
}
