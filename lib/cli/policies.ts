/** What `bench --model` can compare: apart from the workload, so that a help text does not load the emulator. */

/** Milliseconds that pages stay in VRAM at least, with the policy of that name. */
export const RESIDENCY = 50;

/** What each policy does, for people. */
export const POLICIES = {
  'no-prefetch': 'the GPU is the preferred location; its faults move memory',
  'prefetch-once': 'all memory is prefetched before the first pass',
  'prefetch-window': 'each window is prefetched before the GPU works on it',
  'in-place': 'no location: the GPU accesses system memory',
  'one-shot': 'as prefetch-once, and what has left VRAM stays away (policy oneShotPrefetch)',
  residency: `as no-prefetch, and memory stays in VRAM for ${RESIDENCY} ms at least (policy minimumResidency)`,
} as const;
export type PolicyName = keyof typeof POLICIES;
export const POLICY_NAMES = Object.keys(POLICIES) as readonly PolicyName[];

/** The order in which the GPU works on windows, for people. */
export const PATTERNS = {
  sequential: 'one window after the other',
  random: 'each window once in each pass, in another order each time',
  hot: `as sequential, and after each window one of the first eighth again`,
} as const;
export type PatternName = keyof typeof PATTERNS;
export const PATTERN_NAMES = Object.keys(PATTERNS) as readonly PatternName[];
