/** What a program sees of the revisions of the driver (spec/revisions §7): one table for docs/revisions.md and `diff --profiles`. */
import { REVISION_NAMES, revisionPlace } from '../uapi/profile.ts';
import type { RevisionName } from '../uapi/profile.ts';

/** One rule that differs between revisions. */
interface RevisionDifference {
  /** What it is about; begins a line. */
  readonly subject: string;
  /** What each revision does, as the end of a sentence. Revisions with equal texts do the same. */
  readonly behaviour: Readonly<Record<RevisionName, string>>;
  /** Place in the list of the specification. */
  readonly number: number;
}

/** `before` up to the revision before `first`, `after` from it on. */
function since(first: RevisionName, before: string, after: string): RevisionDifference['behaviour'] {
  const texts = REVISION_NAMES.map((name) => [name, revisionPlace(name) < revisionPlace(first) ? before : after]);
  return Object.fromEntries(texts) as Record<RevisionName, string>;
}

const KEPT_AT_MUNMAP = 'keeps them until RESET_ATTR or the end of the file';

/** All differences, by a key for programs. */
export const REVISION_DIFFERENCES = {
  'ioctl-number': {
    number: 1,
    subject: 'the number of the ioctl',
    behaviour: since('v8', 'is 0x1A', 'is 0x1B; 0x1A is another ioctl (PROC_OPTIONS)'),
  },
  'reset-operation': {
    number: 2,
    subject: 'RESET_ATTR (operation 2)',
    behaviour: since('v7', 'is unknown: EINVAL', 'takes attributes away, and leaves GPU mappings as they are'),
  },
  'always-mapped': {
    number: 3,
    subject: 'attribute type 11 (GPU_ALWAYS_MAPPED)',
    behaviour: since('v7', 'can be read, and set to 0', 'is unknown: EINVAL'),
  },
  'attributes-at-munmap': {
    number: 4,
    subject: 'munmap of memory with attributes',
    behaviour: since('v7', 'takes the attributes away where the GPU had used the memory', KEPT_AT_MUNMAP),
  },
  'attributes-inherited': {
    number: 5,
    subject: 'a new mapping at an address that had attributes',
    behaviour: since('v7', 'has the defaults, where the GPU had used the old one', 'has the old attributes'),
  },
  'get-validates': {
    number: 6,
    subject: 'GET_ATTR of pages that are not mapped, or no ordinary memory',
    behaviour: since('v7', 'answers with stored values or defaults', 'fails with EFAULT or EOPNOTSUPP'),
  },
  'buffer-object-calls': {
    number: 7,
    subject: 'SET_ATTR and GET_ATTR where a buffer object is mapped',
    behaviour: since('v7', 'do not look at it', 'fail with EADDRINUSE'),
  },
  'change-invalidates': {
    number: 8,
    subject: 'a change of access, flags or a location',
    behaviour: {
      ...since(
        'v7',
        'leaves PTEs as they are, unless a GPU range crosses a new boundary',
        'clears the PTEs of the pages, and the next fault brings new ones (within 2 ms of the last mapping it maps nothing)',
      ),
      'v7-xnack-off': 'writes new PTEs over the old ones at once; losing access leaves them',
    },
  },
  'prefetch-location-invalidates': {
    number: 9,
    subject: 'a change of the prefetch location alone, also to SYSMEM',
    behaviour: since('v7', 'clears no PTE', 'clears the PTEs of the pages'),
  },
  'set-is-atomic': {
    number: 10,
    subject: 'storing an attribute, and its effect',
    behaviour: since('v7', 'are two steps, between which another thread may come', 'are one step for each interval'),
  },
  'buffer-object-faults': {
    number: 11,
    subject: 'a GPU fault where a buffer object is mapped',
    behaviour: since('v7', 'maps the page', 'is answered 0 and maps nothing, unless the page has attributes'),
  },
  'read-only-mappings': {
    number: 12,
    subject: 'a read-only mapping of the process, or a page that cannot be collected for writing',
    behaviour: since(
      'v7',
      'kills the fault with EPERM, or makes the rest of a prefetch read-only',
      'is mapped for reading on every path',
    ),
  },
  'dropped-faults': {
    number: 13,
    subject: 'a fault while the context closes or the GPU is reset, or with an unknown PASID',
    behaviour: since('v8', 'kills the access with an error', 'is answered 0'),
  },
  'faults-without-memory': {
    number: 13,
    subject: 'a fault for which there is no memory to collect pages',
    behaviour: since('v8', 'is answered 0', 'kills the access with ENOMEM'),
  },
  noretry: {
    number: 14,
    subject: 'amdgpu.noretry=1',
    behaviour: since('v8', 'leaves GC 9.4.2, 9.4.3, 9.4.4 and 9.5.0 with SVM', 'takes SVM from every GPU: EOPNOTSUPP'),
  },
  'build-option': {
    number: 15,
    subject: 'the option DRM_AMDGPU_SVM of the kernel',
    behaviour: since('v7', 'is on by default', 'is off by default; without it the ioctl fails with EOPNOTSUPP'),
  },
  migration: {
    number: 16,
    subject: 'device locations',
    behaviour: since(
      'v8',
      'are stored and move nothing',
      'move pages to VRAM, at a fault or at once, where the GPU has any',
    ),
  },
  'system-veto': {
    number: 17,
    subject: 'a preferred location SYSMEM together with a prefetch location of the GPU',
    behaviour: since('v8', 'moves nothing', 'does not keep the prefetch from moving pages to VRAM'),
  },
  'xnack-off': {
    number: 18,
    subject: 'a GPU whose retry faults are off',
    behaviour: {
      ...since('v4', '', 'has no SVM: EOPNOTSUPP'),
      'v7-xnack-off':
        'has SVM: memory is inaccessible by default, SET_ATTR with access maps at once, and events stop the queues until a worker has mapped again',
    },
  },
  'waits-for-collector': {
    number: 19,
    subject: 'GET_ATTR and RESET_ATTR',
    behaviour: since('v7', 'do not wait for the collector', 'wait until unmapped ranges are collected'),
  },
  'repeated-prefetch': {
    number: 20,
    subject: 'a SET_ATTR that leaves a prefetch location of the GPU as it is',
    behaviour: since('v7', 'maps nothing if nothing changes', 'maps again what is not mapped'),
  },
  'write-to-read-only': {
    number: 21,
    subject: 'a write fault on pages that are mapped for reading',
    behaviour: since('v7', 'maps them again', 'finds them valid: it is answered 0, and nothing changes'),
  },
  'changing-pages': {
    number: 22,
    subject: 'a fault whose pages change in three attempts',
    behaviour: since('v7', 'begins again in the kernel, with the svm lock held', 'is answered 0, and the GPU retries'),
  },
} as const satisfies Readonly<Record<string, RevisionDifference>>;

export type RevisionDifferenceKey = keyof typeof REVISION_DIFFERENCES;

/** Whether the two revisions differ in that rule. */
export function revisionsDiffer(key: RevisionDifferenceKey, one: RevisionName, other: RevisionName): boolean {
  const { behaviour } = REVISION_DIFFERENCES[key];
  return behaviour[one] !== behaviour[other];
}

/** The rule in one sentence for two revisions. */
export function revisionSentence(key: RevisionDifferenceKey, one: RevisionName, other: RevisionName): string {
  const { subject, behaviour } = REVISION_DIFFERENCES[key];
  return `${subject} - on ${one}: ${behaviour[one]}; on ${other}: ${behaviour[other]}`;
}
