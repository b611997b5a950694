// Models: nothing - the catalogue 07-quirks as the monitor cites it: what breaks, how bad it is, and what a program can do.

/**
 * How bad a hazard is: 'corruption' - a real kernel or GPU uses memory that is not its own; 'violation' - an
 * invariant of SVM does not hold; 'notice' - as the driver means it, but hardly as a program expects it.
 */
export type Severity = 'corruption' | 'violation' | 'notice';

/** One entry. */
export interface Quirk {
  readonly title: string;
  /** Invariants of 07-quirks that it breaks. */
  readonly invariants: readonly string[];
  readonly severity: Severity;
  /** What a program can do about it. */
  readonly advice: string;
}

type Row = readonly [title: string, invariants: string, severity: Severity, advice: string];

const ROWS: Readonly<Record<string, Row>> = {
  Q01: ['context creation precedes validation', 'I14', 'notice', 'issue no ioctl on files that shall have no SVM context'],
  Q02: ['a context takes all compute faults away from KFD SVM', 'I13', 'notice', 'do not use KFD SVM in a process with this option'],
  Q03: ['conversion to a compute VM fails on devices without XNACK', 'I13', 'violation', 'use a device with XNACK, or a kernel without DRM_AMDGPU_SVM'],
  Q04: ['a context on a non-compute VM gets no faults', 'I7 I1', 'violation', 'let the runtime make the VM a compute VM before the GPU works, or prefetch everything'],
  Q05: ['the no-retry setting is ignored on this GC version', 'I7', 'notice', 'leave noretry off on GC 9.4.2, 9.4.3, 9.4.4 and 9.5.0'],
  Q06: ['the default granularity is truncated to 8 bits', '', 'notice', 'set svm_default_granularity to a value from 0 to 27'],
  Q07: ['the context is bound to the memory of its creator', 'I13 I14', 'violation', 'open the render node again after fork'],
  Q09: ['the context pointer is cleared without the PASID lock', 'I10', 'corruption', 'idle the GPU before the file is closed'],
  Q10: ['closing is not checked again under the svm lock', 'I10', 'corruption', 'idle the GPU before the file is closed'],
  Q11: ['invalidations are ignored while closing', 'I1 I2 I3', 'corruption', 'idle the GPU and unmap or discard memory before the file is closed'],
  Q13: ['a changed attribute leaves old PTEs live', 'I4 I8', 'violation', 'discard or prefetch the pages after changing attributes that stand in PTEs, or set these before the first GPU use'],
  Q14: ['the access attribute is never enforced', 'I6', 'violation', 'do not rely on access "inaccessible"; unmap or protect the memory instead'],
  Q15: ['a prefetch that met an invalidation is lost', 'I8', 'violation', 'do not change memory while it is prefetched; prefetch in pieces and let faults do the rest'],
  Q16: ['repeating a prefetch does nothing', 'I8', 'violation', 'set the prefetch location to the system first, or let faults map the pages'],
  Q17: ['a later change of any attribute maps the interval again', 'I8', 'notice', 'set the prefetch location to the system when the prefetch is done'],
  Q18: ['a prefetch location cannot be unset, and SYSMEM moves nothing', 'I8', 'notice', 'expect no movement; leave the prefetch location of parts alone'],
  Q19: ['an attribute without influence on mapping', 'I4', 'notice', 'do not rely on granularity; map smaller VMAs or intervals'],
  Q20: ['a failing SET_ATTR is applied in part', 'I8', 'violation', 'read the attributes back after an error; set ranges within one mapping'],
  Q21: ['a repeated SET_ATTR works on memory that is gone', 'I14 I7', 'violation', 'do not unmap memory while its attributes are set'],
  Q22: ['an interval up to 2^64 escapes validation and cannot be faulted', 'I14 I7', 'violation', 'never let a range end at 2^64'],
  Q23: ['GET_ATTR accepts a wrapped interval', 'I14', 'notice', 'check that address + size does not pass 2^64'],
  Q24: ['VMAs are validated once and then not held', 'I9 I14', 'violation', 'do not unmap memory while its attributes are set'],
  Q25: ['an effect that failed is never redone', 'I8 I4', 'violation', 'after an error set another value and then the wanted one, so that the effect is not skipped'],
  Q26: ['attributes outlive a mapping that was never on the GPU', 'I9', 'violation', 'set all attributes anew after mapping memory'],
  Q27: ['two partial unmaps clear the attributes between them', 'I9', 'violation', 'unmap whole mappings, or set the attributes of the rest again after the collection'],
  Q28: ['a fault created a persistent attribute interval', 'I15', 'notice', 'register memory with SET_ATTR before the GPU uses it'],
  Q29: ['equal attribute intervals are never merged', '', 'notice', 'set attributes of whole mappings, not page by page'],
  Q30: ['GET_ATTR does not wait for the collector', 'I15', 'violation', 'let the collector run after munmap (any SET_ATTR waits for it) before reading attributes'],
  Q31: ['overlapping attribute intervals', 'I11 I8', 'violation', 'set attributes before the GPU touches the memory'],
  Q32: ['an attribute interval was freed under the fault handler', 'I10 I9 I4', 'corruption', 'after munmap let the collector run (any SET_ATTR waits for it) before the GPU uses the address again'],
  Q33: ['an attribute interval was trimmed under the fault handler', 'I7 I10', 'corruption', 'after munmap let the collector run before the GPU uses the address again; do not split intervals during faults'],
  Q34: ['SET_ATTR applied its effect to a reshaped or freed interval', 'I10 I8', 'corruption', 'do not set or unmap the same pages from two threads'],
  Q35: ['stale mapping after a partial invalidation', 'I1 I2 I3', 'corruption', 'discard or protect whole 2 MiB chunks, or let the GPU fault on a zapped page of the chunk'],
  Q36: ['unmapping after a partial invalidation leaves PTEs of freed memory', 'I1 I2 I3', 'corruption', 'let the GPU fault the chunk in again before it is unmapped, or never discard parts of it'],
  Q37: ['a partial unmap leaves the rest of the range to nobody', 'I2 I3 I1', 'corruption', 'unmap whole chunks of 2 MiB, or discard the whole chunk first'],
  Q38: ['a split removed a range that was not zapped', 'I3 I4 I1', 'corruption', 'set attributes of parts before any part of the chunk is discarded'],
  Q39: ['a failed zap was swallowed', 'I1 I2 I3', 'corruption', 'nothing; the kernel was under memory pressure or evicting the VM'],
  Q40: ['"GPU mapped" was set after the pages were invalidated', 'I1 I2', 'corruption', 'do not change memory while it is prefetched or faulted in'],
  Q41: ['PTEs of a failed commit are not recorded', 'I3 I1', 'corruption', 'let the GPU fault on the range again before memory of it is given back'],
  Q42: ['a fault commit changed live PTEs without a TLB flush', 'I12 I1', 'corruption', 'prefetch the range instead of faulting it in again: that flushes'],
  Q44: ['a queued range was removed twice', 'I10', 'corruption', 'do not unmap memory while attributes of a part of its chunk are set'],
  Q45: ['a range that was queued again while being collected was removed twice', 'I10', 'corruption', 'do not unmap parts of one chunk from several threads'],
  Q46: ['a failed collection left a zombie range', 'I7 I10', 'violation', 'unmap the range once more; it is queued again then'],
  Q47: ['a split zapped more than the interval, or failed without a flush', 'I12', 'notice', 'set attributes of parts before the GPU uses the chunk'],
  Q48: ['writable PTEs over pages that were collected for reading', 'I5 I1', 'corruption', 'write the pages with the CPU before the GPU does, or discard them after removing GPU_RO'],
  Q49: ['read-only is sticky for the rest of the operation', 'I4 I5', 'violation', 'prefetch writable mappings apart from read-only ones'],
  Q50: ['one bad page makes the whole chunk unmappable', 'I7', 'violation', 'keep mappings that the GPU uses free of holes, PROT_NONE parts and pages beyond the end of a file'],
  Q51: ['a range crosses a change of permission', 'I5', 'corruption', 'protect whole chunks of 2 MiB'],
  Q52: ['a legal write was killed because of a read-only neighbour', 'I7', 'violation', 'protect whole chunks of 2 MiB'],
  Q53: ['VMA kinds are checked inconsistently', 'I14 I9', 'violation', 'do not let the GPU use I/O, PFN or mixed mappings'],
  Q54: ['an access without a mapping is "handled" for ever', 'I7', 'violation', 'idle the GPU before memory is unmapped; check the pointers of the kernel that runs'],
  Q55: ['an error of page collection was swallowed', 'I7', 'violation', 'touch the pages with the CPU to see the error'],
  Q56: ['a write to GPU_RO memory is repeated for ever', 'I7', 'violation', 'clear GPU_RO before the GPU writes'],
  Q57: ['a needed fault was dropped because the range was mapped less than 2 ms ago', 'I7', 'notice', 'nothing; the GPU retries'],
  Q58: ['the fault handler starts over without dropping the svm lock', 'I7', 'violation', 'do not invalidate memory in a loop while the GPU faults on it'],
  Q59: ['the upper bound check is off by one', '', 'notice', 'keep below the end of the mirrored address space'],
  Q60: ['a fatal fault destroys a valid mapping behind the back of SVM', 'I3 I4', 'violation', 'discard the page so that it is mapped anew'],
  Q61: ['a temporary condition killed the access', 'I7', 'violation', 'repeat the GPU work'],
  Q62: ['lack of memory is fatal or swallowed, depending on where', 'I7', 'violation', 'repeat the GPU work'],
  Q63: ['the stale filter dropped an unrelated fault', 'I7', 'notice', 'nothing; the GPU retries'],
  Q64: ['the checkpoint of the stale filter lives too long', 'I7', 'violation', 'nothing; the next younger fault clears it'],
  Q65: ['the duplicate filter is asked with the wrong unit', 'I7', 'notice', 'nothing; the refault is suppressed for the time of the filter'],
  Q67: ['dead code: GPU_ALWAYS_MAPPED is refused', '', 'notice', 'leave GPU_ALWAYS_MAPPED out'],
  Q68: ['a range spans several attribute intervals', 'I4', 'violation', 'discard the range so that smaller ones are made'],
  Q69: ['a prefetch populated untouched memory', '', 'notice', 'prefetch in pieces, and only what the GPU needs'],
  // What is no entry of the catalogue.
  'refault-loop': ['the GPU faults on a page again and again without progress', 'I7', 'violation', 'see why the last fault was answered as it was'],
  'unhandled-fault': ['a GPU access was killed, and nobody handles it', 'I7', 'violation', 'give the memory the permission that the access needs'],
  leak: ['objects are left when the context is gone', 'I10', 'violation', 'unmap memory and let the collector run before closing'],
  I1: ['a PTE of a page that the CPU does not map there', 'I1', 'corruption', 'see the operations that led there'],
  I2: ['a PTE whose range has no DMA mapping', 'I2', 'violation', 'see the operations that led there'],
  I3: ['a PTE in no range that is marked mapped', 'I3', 'violation', 'see the operations that led there'],
  I4: ['PTE flags that are not those of the attributes', 'I4', 'violation', 'see the operations that led there'],
  I5: ['a PTE that allows more than the mapping', 'I5', 'corruption', 'see the operations that led there'],
};

/** The entries that the monitor can name. */
export const QUIRKS: Readonly<Record<string, Quirk>> = Object.fromEntries(
  Object.entries(ROWS).map(([id, [title, invariants, severity, advice]]) => [
    id,
    { title, invariants: invariants === '' ? [] : invariants.split(' '), severity, advice },
  ]),
);

/** Entries that nothing in this model can show, with the reason. */
export const UNOBSERVABLE: Readonly<Record<string, string>> = {
  Q08: 'context creation has no preemption point: two ioctls can not be inside it at once',
  Q12: 'slab caches are not modelled',
  Q43: 'page-table updates are complete at once: there is no fence to wait for',
  Q66: 'references on the mm are not counted, and the evict procedure changes nothing that is modelled',
  Q70: 'the kernel log is not modelled; a refault loop is reported instead',
};

/** The entry of `id`; one for what the catalogue does not know. */
export function quirkOf(id: string): Quirk {
  return QUIRKS[id] ?? { title: id, invariants: [], severity: 'violation', advice: 'see the operations that led there' };
}
