/** What a scene is after its operations, in the words of the C baseline: both must have come to the same. */
import type { Scene } from './scene.ts';

/** Intervals, their hash, ranges, PTEs and the hash of their frames, as `state` of the baseline prints them. */
export function stateOf({ file }: Scene): string {
  let intervals = 0;
  let frames = 0;
  let ptes = 0;
  const context = file.context!;
  for (const {
    first,
    last,
    preferredLocation,
    prefetchLocation,
    access,
    granularity,
    flags,
  } of context.tree.values()) {
    intervals = mix(mix(intervals, first), last);
    intervals = mix(mix(intervals, preferredLocation >>> 0), prefetchLocation >>> 0);
    intervals = mix(intervals, access * 0x1_0000 + granularity * 0x100 + flags);
  }
  file.vm.pageTable.forEach((page, _flags, frame) => {
    frames = mix(mix(frames, page), frame);
    ptes++;
  });
  return `${context.tree.size} ${intervals >>> 0} ${context.framework.ranges.size} ${ptes} ${frames >>> 0}`;
}

/** The hash goes on with a whole number of up to 53 bits. */
function mix(hash: number, value: number): number {
  let mixed = Math.imul(hash ^ (value >>> 0), 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 15) ^ Math.floor(value / 2 ** 32), 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}
