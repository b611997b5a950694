// Models: the eviction counter of a context without retry faults, which stops and resumes the queues (spec/xnack-off §3, §6).
import type { SvmContext } from '../../svm/context.ts';
import type { RestoreStatistics } from '../../svm/revision.ts';
import type { AmdgpuSvmRange } from '../../svm/svm-range.ts';

/** Eviction events of one context, and whether it has stopped the queues. */
export class Evictions {
  /** Eviction events since the queues were resumed last. */
  count = 0;
  /** Whether this context has stopped the queues. */
  quiesced = false;
  private readonly context: SvmContext;
  private readonly statistics: RestoreStatistics;
  private stoppedAt = Number.NaN;

  constructor(context: SvmContext, statistics: RestoreStatistics) {
    this.context = context;
    this.statistics = statistics;
  }

  /** One more event; the first one stops the queues. An error of that is lost. */
  begin(): void {
    this.count++;
    if (this.count !== 1 || this.quiesced) return;
    const { vm, process, clock, effects } = this.context;
    if (!process.hasUsers) return;
    // mutant: off-evict-no-stop
    const result = vm.kfd.quiesce();
    this.quiesced = result === 0;
    if (result === 0) {
      this.statistics.stops++;
      this.stoppedAt = clock.now;
    }
    effects.current?.queuesQuiesced(result);
  }

  /** Resumes the queues if they are stopped. The flag goes first: a failed resume is never repeated. */
  resume(): void {
    if (!this.quiesced) return;
    this.quiesced = false;
    const { vm, process, clock, effects } = this.context;
    if (!process.hasUsers) return;
    // mutant: off-never-resumed
    const result = vm.kfd.resume();
    if (result === 0) {
      const time = clock.now - this.stoppedAt;
      this.statistics.stoppedTime += time;
      this.statistics.longestStop = Math.max(this.statistics.longestStop, time);
    }
    // A repaired driver does not forget that they are stopped.
    else if (this.context.revision.repairs['resume-again']) this.quiesced = true;
    effects.current?.queuesResumed(result);
  }
}

/** What mapping needs of the works of its context. */
export interface OffQueues {
  readonly evictions: Evictions;
  /** Queues `range` for the restore worker with its pages `[firstIndex, endIndex)`. */
  enqueueRestore(range: AmdgpuSvmRange, firstIndex: number, endIndex: number): void;
  /** The restore worker is due from now on; it does not run by that. */
  makeRestoreDue(): void;
}
