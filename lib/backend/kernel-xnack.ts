/**
 * Whether a GPU behind a render node has retry faults (XNACK), as far as it can be seen without asking its driver: by
 * the family of the GPU, by the module parameter amdgpu.noretry, and by the rule of the revision (spec/revisions §4,
 * V7 and v8; spec/kfd-queue §1).
 */
import type { DriverBehaviour } from '../uapi/profile.ts';

/** What can be seen. */
export interface XnackFacts {
  /** Name of the family in KFD's topology, 'gfx942'. Undefined where there is no topology, or not this GPU in it. */
  readonly gfx: string | undefined;
  /** 0, 1, or -1 for the driver's own choice; undefined where it cannot be read. */
  readonly noretry: number | undefined;
}

/** What follows; undefined: it cannot be told. */
export interface KernelXnack {
  readonly xnack: boolean | undefined;
  /** Whether amdgpu.noretry is the reason that there are none. */
  readonly switchedOffByNoretry: boolean | undefined;
}

/** MI200, MI300, MI325 and MI350: up to V7 these have retry faults whatever amdgpu.noretry is. */
const ALWAYS = ['gfx90a', 'gfx942', 'gfx950'];

/** `computeVm`: KFD has made a compute VM of the file, which a driver that needs retry faults refuses without them. */
export function kernelXnack({ gfx, noretry }: XnackFacts, behaviour: DriverBehaviour, computeVm: boolean): KernelXnack {
  // Retry faults came with gfx9, and went with gfx10.
  if (gfx !== undefined && !/^gfx9[0-9a-f]{2}$/.test(gfx)) return { xnack: false, switchedOffByNoretry: false };
  if (computeVm && !behaviour.runsWithoutRetryFaults) return { xnack: true, switchedOffByNoretry: false };
  if (gfx !== undefined && !behaviour.noretryIsForAll && ALWAYS.includes(gfx))
    return { xnack: true, switchedOffByNoretry: false };
  const asked = gfx !== undefined || behaviour.noretryIsForAll;
  if (noretry === 1 && asked) return { xnack: false, switchedOffByNoretry: gfx === undefined ? undefined : true };
  if (noretry === 0) return { xnack: gfx === undefined ? undefined : true, switchedOffByNoretry: false };
  // What the driver chooses by itself differs from kernel to kernel.
  return { xnack: undefined, switchedOffByNoretry: undefined };
}
