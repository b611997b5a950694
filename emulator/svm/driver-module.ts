// Models: the driver as a loaded module, and the two slab caches that outlive it (spec/06-lifecycle §7).
import type { PreemptionPoints } from '../kernel/preemption.ts';

const SLAB_CACHES: readonly string[] = ['amdgpu_svm_range_cache', 'amdgpu_svm_attr_range_cache'];

/** Thrown for what needs the driver after it was unloaded. */
export class DriverUnloadedError extends Error {
  readonly code = 'ERR_SVM_DRIVER_UNLOADED';
  constructor(what: string) {
    super(`${what}: the driver is unloaded`);
    this.name = 'DriverUnloadedError';
  }
}

/** The driver of a machine: one for all its devices. */
export class DriverModule {
  private isLoaded = true;
  private leftCaches: readonly string[] = [];

  get loaded(): boolean {
    return this.isLoaded;
  }

  /** Names of the slab caches that exist, whether or not the driver is loaded. */
  get slabCaches(): readonly string[] {
    return this.leftCaches;
  }

  /**
   * The first creation of a context on any device makes both; nothing ever destroys them (Q12). No lock is held: false if
   * another creation has come in and made them meanwhile, whose caches are lost (Q08).
   */
  createSlabCaches(points: PreemptionPoints): boolean {
    this.needsLoaded('creation of an SVM context');
    if (this.leftCaches.length > 0) return true;
    points.reach('caches-checked');
    const areLost = this.leftCaches.length > 0;
    this.leftCaches = SLAB_CACHES;
    return !areLost;
  }

  /** Throws unless the driver is loaded; `what` needs it. */
  needsLoaded(what: string): void {
    if (!this.isLoaded) throw new DriverUnloadedError(what);
  }

  unload(): void {
    this.isLoaded = false;
  }
}
