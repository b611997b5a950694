// Models: nothing - the catalogue 07-quirks, part A.
import type { CataloguedQuirk } from './quirk.ts';

/** Entries about life cycle and ABI. */
export const LIFECYCLE_QUIRKS: Readonly<Record<string, CataloguedQuirk>> = {
  Q01: {
    title: 'context creation precedes validation',
    kind: 'D', invariants: ['I14'], severity: 'notice',
    text: 'The ioctl creates the SVM context before looking at a single argument, for any operation. Invalid calls therefore have a lasting side effect (the context, an mm reference, a workqueue, and the diversion of faults, Q02), and creation errors mask argument errors.',
    observable: 'EINVAL, but the VM now has a context; on a device without XNACK the same call gives EOPNOTSUPP.',
    advice: 'issue no ioctl on files that shall have no SVM context',
  },
  Q02: {
    title: 'a context takes all compute faults away from KFD SVM',
    kind: 'D', invariants: ['I13'], severity: 'notice',
    text: 'As soon as the VM has a context, compute faults go only to the V4 handler; the KFD SVM handler is called only when there is none, and not as a fallback. Since every conversion to a compute VM creates a context, KFD SVM is without fault service on every XNACK-capable device when the option is on.',
    observable: "the fault is resolved with V4 default attributes (or killed), never with KFD's.",
    advice: 'do not use KFD SVM in a process with this option',
  },
  Q03: {
    title: 'conversion to a compute VM fails on devices without XNACK',
    kind: 'D', invariants: ['I13'], severity: 'violation',
    text: "Context creation is the last step of the conversion and its error is the conversion's error. XNACK off gives EOPNOTSUPP, although the compute flag was already set. The option is on by default.",
    observable: 'acquiring the VM fails with EOPNOTSUPP; the VM is marked compute, has no context.',
    advice: 'use a device with XNACK, or a kernel without DRM_AMDGPU_SVM',
  },
  Q04: {
    title: 'a context on a non-compute VM gets no faults',
    kind: 'D', invariants: ['I7', 'I1'], severity: 'violation',
    text: 'The ioctl creates a context for any VM, but the VM layer routes faults to it only for compute VMs. Prefetch works, faults do not: by default the VM layer maps the writable dummy page at the faulting address and reports the fault.',
    observable: 'dummy-page PTE, access not served; the first TLB flush logs a one-time warning.',
    advice: 'let the runtime make the VM a compute VM before the GPU works, or prefetch everything',
  },
  Q05: {
    title: 'the no-retry setting is ignored on this GC version',
    kind: 'D', invariants: ['I7'], severity: 'notice',
    text: "9.4.2, 9.4.3, 9.4.4 and 9.5.0 are declared XNACK-on without looking at the device's no-retry setting; other 9.x versions do look.",
    observable: 'creation succeeds; faults never arrive as retry faults.',
    advice: 'leave noretry off on GC 9.4.2, 9.4.3, 9.4.4 and 9.5.0',
  },
  Q06: {
    title: 'the default granularity is truncated to 8 bits',
    kind: 'D', invariants: [], severity: 'notice',
    text: 'Module parameter 256 gives granularity 0 (4 KiB intervals), 300 gives 27 (300 mod 256 = 44, limited to 27), 265 gives 9.',
    observable: 'GET of GRANULARITY on a hole; size of fault-created intervals.',
    advice: 'set svm_default_granularity to a value from 0 to 27',
  },
  Q07: {
    title: 'the context is bound to the memory of its creator',
    kind: 'D', invariants: ['I13', 'I14'], severity: 'violation',
    text: 'The mirrored mm is that of the task that made the first ioctl (or the conversion). Later callers are not compared with it.',
    observable: "EFAULT (validated against the parent's VMAs), or attributes set on the parent's memory at the same address.",
    advice: 'open the render node again after fork',
  },
  Q08: {
    title: 'context creation is not serialised',
    kind: 'R', invariants: ['I10', 'I8'], severity: 'corruption',
    text: 'Two first ioctls on one file can both see "no context" and both create one; the later publication wins and the other context leaks with its workqueue and mm reference. The slab cache creation has the same race.',
    observable: 'leaked objects; attributes set through the loser vanish.',
    advice: 'issue the first ioctl of a file from one thread',
    unobservable: 'context creation has no preemption point: two ioctls can not be inside it at once',
  },
  Q09: {
    title: 'the context pointer is cleared without the PASID lock',
    kind: 'R', invariants: ['I10'], severity: 'corruption',
    text: 'Fault lookup reads the pointer and takes the reference under the PASID lock; finalisation clears the pointer and drops the last reference without it. A lookup between the read and the increment uses a freed context.',
    observable: 'use after free.',
    advice: 'idle the GPU before the file is closed',
  },
  Q10: {
    title: 'closing is not checked again under the svm lock',
    kind: 'R', invariants: ['I10'], severity: 'corruption',
    text: 'A fault that passed the closing check can wait for the svm lock while finalisation runs and continue afterwards: the attribute tree is freed, the framework object finalised.',
    observable: 'use after free of the tree.',
    advice: 'idle the GPU before the file is closed',
  },
  Q11: {
    title: 'invalidations are ignored while closing',
    kind: 'T', invariants: ['I1', 'I2', 'I3'], severity: 'corruption',
    text: "From the closing flag until the notifiers are unregistered, callbacks return at once; finalisation DMA-unmaps but never clears PTEs. Until the VM's page tables are destroyed, PTEs point to memory the CPU side may have reused.",
    observable: 'PTEs live, no flush.',
    advice: 'idle the GPU and unmap or discard memory before the file is closed',
  },
  Q12: {
    title: 'the slab caches are never destroyed',
    kind: 'D', invariants: ['I10'], severity: 'notice',
    text: 'The first creation of a context on any device makes two global slab caches, also if it fails. The destruction procedure has no caller.',
    observable: 'caches survive; re-creation with the same names on reload.',
    advice: 'nothing; unload the driver only with the machine',
  },
};
