// Models: nothing - choices of the migration code that are no repairs: what earlier postings did, or what was asked for (spec/migration §8, §9).

/** How memory moves to VRAM, where that is a matter of choice. The defaults are what PATCH v8 does. */
export interface MigrationPolicies {
  /**
   * Milliseconds, a whole number up to 60,000, that pages stay in VRAM at least: the CPU waits so long (the clock moves),
   * and no buffer is evicted earlier. Default 0: none.
   */
  readonly minimumResidency: number;
  /** True: a prefetch location of the GPU ends with the prefetch, and is undefined afterwards. Default false: it stays. */
  readonly oneShotPrefetch: boolean;
  /** True: access "in-place" keeps pages from moving to VRAM. Default false: it does not. */
  readonly honourInPlace: boolean;
  /** True: a prefetch to system memory brings the pages home. Default false: it clears PTEs only. */
  readonly systemPrefetchMoves: boolean;
}

/** The policies of PATCH v8, which hold unless others are chosen. */
export const PATCH_V8_POLICIES: MigrationPolicies = {
  minimumResidency: 0,
  oneShotPrefetch: false,
  honourInPlace: false,
  systemPrefetchMoves: false,
};

/** The longest residency, in ms. */
export const LONGEST_RESIDENCY = 60_000;
