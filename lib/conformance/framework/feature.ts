/** What a case may need of the device it runs on, and the sentence that explains it. */

import type { UapiProfile } from '../../uapi/profile.ts';

/** Features of the driver: what one revision does and another does not. */
const REVISION_FEATURES = {
  reset: 'the operation RESET_ATTR',
  'always-mapped-type': 'the attribute type GPU_ALWAYS_MAPPED',
  'get-walks-vmas': 'a GET_ATTR that refuses addresses without memory',
  'attributes-survive-unmap': 'attributes that outlive their memory',
  'unmap-clears-attributes': 'attributes that end with the memory that the GPU used',
  'buffer-object-check': 'a check for buffer objects at the addresses of a call',
  'changes-invalidate': 'changes of attributes that take the pages from the GPU',
  'changes-keep-ptes': 'changes of attributes that leave PTEs as they are',
  'read-only-retry': 'page collection that is tried again for reading where a page may not be written',
  'faults-hide-shortage': 'a fault handler that answers as if all were well when memory is short',
  'moves-memory': 'a driver that moves memory to VRAM',
  'noretry-for-all': 'amdgpu.noretry=1 switching retry faults off on every GPU',
  'refuses-xnack-off': 'a driver that makes no context on a GPU without retry faults',
} as const;
type RevisionFeature = keyof typeof REVISION_FEATURES;

const HOLDS: Readonly<Record<RevisionFeature, (profile: UapiProfile) => boolean>> = {
  reset: ({ operations }) => Object.hasOwn(operations, 'resetAttributes'),
  'always-mapped-type': ({ attributeTypes }) => attributeTypes.gpuAlwaysMapped !== undefined,
  'get-walks-vmas': ({ getWalksVmas }) => getWalksVmas,
  'attributes-survive-unmap': ({ behaviour }) => behaviour.attributesSurviveUnmap,
  'unmap-clears-attributes': ({ behaviour }) => !behaviour.attributesSurviveUnmap,
  'buffer-object-check': ({ behaviour }) => behaviour.checksBufferObjects,
  'changes-invalidate': ({ behaviour }) => behaviour.changesInvalidate,
  'changes-keep-ptes': ({ behaviour }) => !behaviour.changesInvalidate,
  'read-only-retry': ({ behaviour }) => behaviour.retriesReadOnly,
  'faults-hide-shortage': ({ behaviour }) => behaviour.faultsHideShortage,
  'moves-memory': ({ behaviour }) => behaviour.movesToVram,
  'noretry-for-all': ({ behaviour }) => behaviour.noretryIsForAll,
  'refuses-xnack-off': ({ behaviour }) => !behaviour.runsWithoutRetryFaults,
};

/** What a case can need of a device, each in words. */
export const FEATURES = {
  ...REVISION_FEATURES,
  'retry-faults': 'a GPU that faults on what is not mapped, and tries again (XNACK on)',
  'gpu-work': 'a queue that makes the GPU fill, copy, read and write',
  'work-after-fault':
    'a queue that goes on after an access that was refused, or that gives up one that is repeated forever',
  'gpu-fault':
    'GPU work that faults, and the word of the driver where it refuses the fault, if that is the last work of the case',
  'fault-counts': 'a count of the faults that the driver was asked to serve',
  'fault-handler': 'raising one retry fault without a GPU access and seeing what the handler answers',
  introspection: 'looking at attribute intervals, notifiers, GPU ranges, PTEs and counters',
  events: 'listening to what the driver does',
  'virtual-clock': 'moving the clock that the driver reads',
  'deferred-work': 'choosing when the garbage collector runs',
  'interrupt-ring': 'choosing what the interrupt rings hold',
  preemption: 'running something at a named point inside an operation',
  'failure-injection': 'letting an allocation, a page-table write or a wait fail',
  configuration: 'a device with other module parameters, or of another GPU',
  'lazy-context': 'an open file that has no SVM context yet',
  'address-choice': 'mapping memory at a chosen address',
  'bad-pointer': 'memory that the kernel can read but not write behind the attribute pointer',
  'file-mapping': 'mappings of a file, or of shared anonymous memory',
  'huge-pages': 'memory with transparent huge pages',
  hugetlb: 'memory of hugetlbfs',
  'special-mapping': 'mappings with VM_IO, VM_PFNMAP or VM_MIXEDMAP',
  heap: 'memory that the driver takes for the heap',
  stack: 'memory that the driver takes for the stack',
  'process-exit': 'the exit of the process while the device is open',
  'several-files': 'two open files of one GPU',
  'unmap-events':
    'a driver that is told at once when memory is unmapped or dropped, also where the like is mapped before the next call',
  'two-gpus': 'a second GPU that sees the same process',
  'xnack-off': 'SVM on a GPU without retry faults (XNACK off)',
  fork: 'a child process with copy-on-write pages',
  'other-process': 'another process that uses the memory of the same GPU',
  'pinned-pages': 'pages to which somebody else keeps references',
  mremap: 'moving a mapping',
  mlock: 'pages locked in memory',
  threads: 'CPU threads that touch memory while the GPU works',
  'buffer-objects': 'a buffer object mapped at a chosen address',
  vram: 'pages that move into the memory of the GPU, whose size is known',
  hive: 'a second GPU in one XGMI hive with the first',
  'smi-events': 'the event stream of the KFD driver, which has no counterpart in the ioctl',
  'xnack-control': 'switching XNACK for a process',
  'high-addresses': 'CPU addresses of 57 bits and a GPU that takes them',
  'registration-layer': 'the register and deregister calls of the KFD runtime',
  'spin-kernel': 'a kernel that runs until it is told to stop',
  'atomic-operations': 'atomic operations of a shader while the CPU looks',
  'stream-capture': 'recording a stream into a graph',
  'module-loading': 'loading code objects with managed variables',
  'virtual-memory-api': 'mapping handles of memory at reserved addresses',
  'pageable-memory': 'GPU access to memory that no runtime allocated',
} as const;
/** Name of something that a case can need. */
export type Feature = keyof typeof FEATURES;

/** Why a case that needs the feature is skipped on a device that lacks it. */
export function reasonOfFeature(feature: Feature, missing: string): string {
  return `needs ${feature} (${FEATURES[feature]}): ${missing}`;
}

/** Whether the profile decides about the feature: then whether it has it, else undefined. */
export function revisionHas(profile: UapiProfile, feature: Feature): boolean | undefined {
  return isRevisionFeature(feature) ? HOLDS[feature](profile) : undefined;
}

function isRevisionFeature(feature: Feature): feature is RevisionFeature {
  return Object.hasOwn(REVISION_FEATURES, feature);
}

/** Names of `FEATURES`, in their order. */
export const FEATURE_NAMES = Object.keys(FEATURES) as readonly Feature[];

/**
 * What no GPU will ever give: a look into the driver, its clock, its timing and its failures, or another GPU in its
 * place. Cases that need one of these look inside the model of the driver and are no part of the suite.
 */
export const MODEL_FEATURES: readonly Feature[] = [
  'fault-handler',
  'introspection',
  'events',
  'virtual-clock',
  'deferred-work',
  'preemption',
  'failure-injection',
  'configuration',
];
