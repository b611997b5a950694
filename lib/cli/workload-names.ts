/** What `amdgpu-svm bench` can measure, by name: for its help and completion, which load none of the workloads. */
export const WORKLOAD_NAMES = [
  'get-one',
  'set-same',
  'get-typed',
  'set-typed',
  'map-unmap',
  'prefetch',
  'gpu-read-4k',
  'gpu-read-2m',
] as const;

export type WorkloadName = (typeof WORKLOAD_NAMES)[number];
