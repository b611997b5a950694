/**
 * Rules of the emulator, each with a way to break it: what the conformance suite or the
 * cases of test/model have to notice (scripts/mutation-check.mjs).
 * In the emulator a line `// mutant: ID` (or several, with commas) is directly above the statement, class member, property
 * or case that a mutant changes, and `becomes` takes the place of that whole node; the empty text deletes it.
 * `killedBy` are the cases of either that are meant to notice (a query); if they don't, all are asked. `survives`
 * explains a mutant that no case can tell from the original. `revision` is the machine on which it is judged, V4 where
 * there is none; those of the later revisions are in scripts/mutants-revisions.mjs.
 *
 * @typedef {'v4' | 'v7' | 'v7-xnack-off' | 'v8'} Revision
 * @typedef {{ id: string, rule: string, becomes: string, revision?: Revision, killedBy?: string, survives?: string }} Mutant
 */
import { MIGRATION_MUTANTS } from './mutants-migration.mjs';
import { REVISION_MUTANTS } from './mutants-revisions.mjs';

/** @type {readonly Mutant[]} */
const V4_MUTANTS = [
  // ---- the ioctl (01-uapi)
  {
    id: 'alignment-of-size',
    rule: 'spec/01-uapi §6 check 2',
    becomes: 'if ((args.startLow & PAGE_MASK) !== 0) return -Errno.EINVAL;',
    killedBy: 'uapi,arguments:alignment',
  },
  {
    id: 'zero-start',
    rule: 'spec/01-uapi §6 check 3',
    becomes: 'if ((args.sizeLow | args.sizeHigh) === 0) return -Errno.EINVAL;',
    killedBy: 'uapi,arguments:zero',
  },
  {
    id: 'count-of-64',
    rule: 'spec/01-uapi §8',
    becomes: 'if (count === 0 || count >= MAX_ATTRIBUTES_PER_CALL) return -Errno.EINVAL;',
    killedBy: 'uapi,arguments:attribute-count',
  },
  {
    id: 'null-pointer-errno',
    rule: 'spec/01-uapi §6 check 5',
    becomes: 'if (memory === null) return -Errno.EFAULT;',
    killedBy: 'uapi,arguments:pointer',
  },
  {
    id: 'operation-before-copy',
    rule: 'spec/01-uapi §6 order of checks 6 and 7',
    becomes: 'if (memory === null || args.operation > 1) return -Errno.EINVAL;',
    killedBy: 'uapi,arguments:pointer',
  },
  {
    id: 'operation-2-accepted',
    rule: 'spec/01-uapi §6 check 7',
    becomes: 'if (args.operation > 2) return -Errno.EINVAL;',
    killedBy: 'uapi,arguments:operation',
  },
  {
    id: 'get-writes-despite-error',
    rule: 'spec/01-uapi §6.2 step 3',
    becomes: 'if (result !== 0) return (copyToUser(memory.bytes, this.request, count), result);',
    killedBy: 'uapi,values:unknown-type',
  },
  {
    id: 'context-after-checks',
    rule: 'spec/01-uapi §6 check 1, Q01',
    becomes: "if (typeof context === 'number') return (args.startLow & PAGE_MASK) !== 0 ? -Errno.EINVAL : context;",
    killedBy: 'uapi,check-order:no-xnack',
  },

  // ---- attributes (02-attributes)
  {
    id: 'default-access',
    rule: 'spec/02-attributes §1',
    becomes: "defaultAccess: SvmAccess['in-place']",
    killedBy: 'attributes,defaults:hole',
  },
  {
    id: 'default-flags',
    rule: 'spec/02-attributes §1',
    becomes: 'flags: SvmFlag.hostAccess',
    killedBy: 'attributes,defaults:hole',
  },
  {
    id: 'granularity-clamp',
    rule: 'spec/02-attributes §2',
    becomes: 'const LARGEST_STORED_GRANULARITY = 64;',
    killedBy: 'attributes,geometry:equal-after-clamp',
  },
  {
    id: 'prefetch-undefined-accepted',
    rule: 'spec/02-attributes §4.1',
    becomes: 'if (value === SvmLocation.undefined) continue;',
    killedBy: 'uapi,values:accepted',
  },
  {
    id: 'access-3-accepted',
    rule: 'spec/02-attributes §4.1',
    becomes: 'if (value > 3) return false;',
    killedBy: 'uapi,values:accepted',
  },
  {
    id: 'always-mapped-accepted',
    rule: 'spec/02-attributes §4.1',
    becomes: '',
    killedBy: 'uapi,values:accepted',
  },
  {
    id: 'flag-value-2-accepted',
    rule: 'spec/02-attributes §4.1',
    becomes: 'if (type > lastType || value > 2) return false;',
    killedBy: 'uapi,values:accepted',
  },
  {
    id: 'type-12-accepted',
    rule: 'spec/02-attributes §4.1',
    becomes: 'if (type > lastType + 1 || value > 1) return false;',
    killedBy: 'uapi,values:unknown-type',
  },
  {
    id: 'split-loses-right-piece',
    rule: 'spec/02-attributes §4.6',
    becomes: 'if (last < oldLast - 1) this.insertObject(new AttributeInterval(last + 1, oldLast, interval));',
    killedBy: 'attributes,geometry:repeated',
  },
  {
    id: 'split-left-with-new-record',
    rule: 'spec/02-attributes §4.6',
    becomes: 'const left = new AttributeInterval(oldFirst + 1, first - 1, interval);',
    killedBy: 'attributes,geometry:intervals',
  },
  {
    id: 'segment-skips-hole',
    rule: 'spec/02-attributes §4.4',
    becomes: 'this.segmentEnd = this.last;',
    killedBy: 'attributes,geometry:pages',
  },
  {
    id: 'special-vma-accepted',
    rule: 'spec/02-attributes §4.2',
    becomes: '',
    killedBy: 'uapi,check-order:alone',
  },
  {
    id: 'hole-errno',
    rule: 'spec/02-attributes §4.2',
    becomes: 'if (vma === undefined) return -Errno.EINVAL;',
    killedBy: 'uapi,check-order:alone',
  },
  {
    id: 'hole-behind-first-vma',
    rule: 'spec/02-attributes §4.2',
    becomes: 'page = end;',
    killedBy: 'uapi,check-order:alone',
  },
  {
    id: 'wrap-accepted',
    rule: 'spec/02-attributes §10',
    becomes: 'if (this.first > this.last) return 0;',
    killedBy: 'uapi,check-order:alone',
  },
  {
    id: 'no-split-invalidation',
    rule: 'spec/02-attributes §4.9, spec/04-invalidation-and-gc §3',
    becomes: '',
    killedBy: 'attributes,wrap:split-at-the-end',
  },
  {
    id: 'prefetch-only-on-change',
    rule: 'spec/02-attributes §5.1, Q17',
    becomes: 'if (before.prefetchLocation !== after.prefetchLocation) trigger |= Trigger.prefetch;',
    killedBy: 'uapi,prefetch-errors:passed-through',
  },
  {
    id: 'prefetch-to-system-maps',
    rule: 'spec/02-attributes §5.1, Q18',
    becomes: 'if (after.prefetchLocation !== LOCATION_UNDEFINED) trigger |= Trigger.prefetch;',
    killedBy: 'attributes,duplicates:one-trigger',
  },
  {
    id: 'equal-set-has-effects',
    rule: 'spec/02-attributes §4.5, Q16',
    becomes: 'this.trigger = triggerOf(interval, target);',
    killedBy: 'attributes,effects:only-what-changes',
  },
  {
    id: 'get-first-interval-wins',
    rule: 'spec/02-attributes §7.1',
    becomes: 'aggregate.flags |= record.flags;',
    killedBy: 'attributes,aggregate:two-intervals',
  },
  {
    id: 'get-granularity-largest',
    rule: 'spec/02-attributes §7.1',
    becomes: 'if (record.granularity > aggregate.granularity) aggregate.granularity = record.granularity;',
    killedBy: 'attributes,aggregate:two-intervals',
  },
  {
    id: 'get-mixed-access',
    rule: 'spec/02-attributes §7.1',
    becomes: "if (record.access !== aggregate.access) aggregate.access = SvmAccess['in-place'];",
    killedBy: 'attributes,aggregate:two-intervals',
  },
  {
    id: 'get-ignores-hole-at-end',
    rule: 'spec/02-attributes §7.1',
    becomes: '',
    killedBy: 'attributes,aggregate:holes',
  },
  {
    id: 'clear-keeps-tail',
    rule: 'spec/02-attributes §6',
    becomes: 'tree.trimFront(interval, last);',
    killedBy: 'attributes,clear:geometry',
  },
  {
    id: 'clear-middle-loses-tail',
    rule: 'spec/02-attributes §6',
    becomes: '',
    killedBy: 'attributes,clear:geometry',
  },

  // ---- GPU ranges (03-gpu-ranges)
  {
    id: 'chunk-of-64k',
    rule: 'spec/03-gpu-ranges §A.7',
    becomes: 'export const CHUNK_PAGES: readonly number[] = [512, 1];',
    killedBy: 'ranges,chunks:vma-bounds',
  },
  {
    id: 'chunk-beyond-vma',
    rule: 'spec/03-gpu-ranges §A.7',
    becomes: 'if (start < low || start + pages > high + 1) continue;',
    killedBy: 'ranges,chunks:vma-bounds',
  },
  {
    id: 'chunk-ignores-interval',
    rule: 'spec/03-gpu-ranges §A.7',
    becomes: 'const low = vmaStart;',
    killedBy: 'attributes,triggers:worked-traces',
  },
  {
    id: 'chunk-overlaps-neighbour',
    rule: 'spec/03-gpu-ranges §A.7',
    becomes: 'return pages;',
    killedBy: 'ranges,chunks:neighbours',
  },
  {
    id: 'read-only-vma-errno',
    rule: 'spec/03-gpu-ranges §A.6',
    becomes: '',
    killedBy: 'attributes,triggers:new-location',
  },
  {
    id: 'io-errno',
    rule: 'spec/03-gpu-ranges §A.6',
    becomes: 'if (isIoOrPfnMap(vma)) return -Errno.EPERM;',
    killedBy: 'uapi,prefetch-errors:changed-after-validation',
  },
  {
    id: 'bound-check-at-end',
    rule: 'spec/03-gpu-ranges §A.6, Q59',
    becomes: 'if (page >= this.driver.mirroredPages) return -Errno.EINVAL;',
    killedBy: 'quirks,faults:q59',
  },
  {
    id: 'unused-notifier-stays',
    rule: 'spec/03-gpu-ranges §A.6',
    becomes: '',
    killedBy: 'ranges,notifiers:undone',
  },
  {
    id: 'last-range-keeps-notifier',
    rule: 'spec/03-gpu-ranges §A.11',
    becomes: 'this.forget(notifier);',
    killedBy: 'ranges,notifiers',
  },
  {
    id: 'read-only-not-sticky',
    rule: 'spec/03-gpu-ranges §B.3, Q49',
    becomes: 'request.readOnly = false; return readable;',
    killedBy: 'attributes,triggers:new-location',
  },
  {
    id: 'prefetch-skips-second-range',
    rule: 'spec/03-gpu-ranges §B.8',
    becomes: 'page = range.startPage + 2 * range.pages;',
    killedBy: 'uapi,prefetch-errors:protected-page',
  },
  {
    id: 'prefetch-without-flush',
    rule: 'spec/03-gpu-ranges §B.7',
    becomes: '',
    killedBy: 'ranges,commit:order',
  },
  {
    id: 'fault-flushes',
    rule: 'spec/03-gpu-ranges §B.7, Q42',
    becomes: 'context.flushTlb();',
    killedBy: 'ranges,pages:reuse',
  },
  {
    id: 'memory-type-coherent',
    rule: 'spec/03-gpu-ranges §B.2',
    becomes: "return 'NC';",
    killedBy: 'ranges,pte-flags:memory-type',
  },
  {
    id: 'executable-bit',
    rule: 'spec/03-gpu-ranges §B.2',
    becomes: 'value |= PteBit.executable;',
    killedBy: 'uapi,prefetch-errors:beyond-the-gpu',
  },
  {
    id: 'read-only-flag-ignored',
    rule: 'spec/03-gpu-ranges §B.2',
    becomes: 'if (!readOnly) value |= PteBit.writeable;',
    killedBy: 'faults,permissions:changed-meanwhile',
  },
  {
    id: 'valid-range-rewritten',
    rule: 'spec/03-gpu-ranges §B.9',
    becomes:
      'return this.gpuMapped && this.pteFlags !== pteFlags && this.attributeFlags === attributeFlags && this.committable;',
    killedBy: 'attributes,effects:valid-ranges-stay',
  },

  // ---- invalidation and garbage collection (04)
  {
    id: 'clear-without-zap',
    rule: 'spec/04-invalidation-and-gc §3',
    becomes: '',
    killedBy: 'uapi,prefetch-errors:read-only-neighbour',
  },
  {
    id: 'zap-whole-range',
    rule: 'spec/04-invalidation-and-gc §3, Q35',
    becomes: 'if (firstIndex < endIndex) zapPages(context, range, 0, range.pages);',
    killedBy: 'ranges,notifiers:border',
  },
  {
    id: 'zap-without-flush',
    rule: 'spec/04-invalidation-and-gc §3',
    becomes: '',
    killedBy: 'ranges,notifiers:border',
  },
  {
    id: 'dma-mapping-stays',
    rule: 'spec/04-invalidation-and-gc §3',
    becomes: '',
    killedBy: 'uapi,prefetch-errors:read-only-neighbour',
  },
  {
    id: 'unmap-not-queued',
    rule: 'spec/04-invalidation-and-gc §5.2',
    becomes: '',
    killedBy: 'attributes,retry:collected-between',
  },
  {
    id: 'clear-event-queues',
    rule: 'spec/04-invalidation-and-gc §3',
    becomes: 'const unmaps = event !== NotifierEvent.release;',
    killedBy: 'uapi,prefetch-errors:read-only-neighbour',
  },
  {
    id: 'split-keeps-range',
    rule: 'spec/04-invalidation-and-gc §3',
    becomes: 'return false;',
    killedBy: 'attributes,triggers:part',
  },
  {
    id: 'split-without-flush',
    rule: 'spec/04-invalidation-and-gc §3',
    becomes: '',
    killedBy: 'attributes,triggers:part',
  },
  {
    id: 'collector-keeps-attributes',
    rule: 'spec/04-invalidation-and-gc §6',
    becomes: 'const result = 0 * clearAttributes(context, last, first);',
    killedBy: 'attributes,retry:collected-between',
  },
  {
    id: 'collector-keeps-range',
    rule: 'spec/04-invalidation-and-gc §6',
    becomes: 'const removed = range.pages > 0;',
    killedBy: 'attributes,retry:collected-between',
  },
  {
    id: 'set-does-not-wait',
    rule: 'spec/04-invalidation-and-gc §6.4',
    becomes: '',
    killedBy: 'attributes,clear:who-waits',
  },
  {
    id: 'fault-does-not-collect',
    rule: 'spec/05-faults §5 step 1',
    becomes: 'const collected = 0;',
    killedBy: 'ranges,pages:hole',
  },
  {
    id: 'checkpoint-from-soft-ring',
    rule: 'spec/04-invalidation-and-gc §4',
    becomes: 'if (ring === ring1 || !softwareRing.pending) context.checkpoint = ring.youngestTimestamp;',
    killedBy: 'ranges,collector:checkpoint-source',
  },

  // ---- faults (05)
  {
    id: 'window-of-1-ms',
    rule: 'spec/05-faults §5, Q57',
    becomes: 'export const RECENT_MAPPING_WINDOW = 1_999_999;',
    killedBy: 'faults,window:edges',
  },
  {
    id: 'window-edge',
    rule: 'spec/05-faults §5, Q57',
    becomes:
      "if (now <= range.validationTime + RECENT_MAPPING_WINDOW) return because(context, page, 'recently-mapped', 0, 0);",
    killedBy: 'faults,window:edges',
  },
  {
    id: 'attempts',
    rule: 'spec/05-faults §5',
    becomes: 'const ATTEMPTS = 2;',
    killedBy: 'faults,retries:budget',
  },
  {
    id: 'write-permission',
    rule: 'spec/05-faults §5.1',
    becomes: 'const needed = Protection.read;',
    killedBy: 'faults,permissions',
  },
  {
    id: 'no-vma-killed',
    rule: 'spec/05-faults §4, Q54',
    becomes: 'refusal = -Errno.EFAULT;',
    killedBy: 'faults,order:pasid',
  },
  {
    id: 'special-vma-served',
    rule: 'spec/05-faults §4',
    becomes: 'const special = false;',
    killedBy: 'faults,order:vm-layer-killed',
  },
  {
    id: 'stack-location',
    rule: 'spec/05-faults §4',
    becomes: 'if (process.isInitialHeap(vma)) record.preferredLocation = 0;',
    killedBy: 'faults,defaults:record',
  },
  {
    id: 'granule-ignored',
    rule: 'spec/05-faults §4',
    becomes: 'first = Math.max(first, bounds.first);',
    killedBy: 'faults,defaults:granule',
  },
  {
    id: 'stale-filter-edge',
    rule: 'spec/05-faults §3, Q64',
    becomes: 'return difference <= TIMESTAMP_RANGE / 2;',
    killedBy: 'faults,window:stale',
  },
  {
    id: 'stale-filter-off',
    rule: 'spec/05-faults §3, Q63',
    becomes: '',
    killedBy: 'faults,window:stale',
  },
  {
    id: 'collection-error-killed',
    rule: 'spec/05-faults §5, Q55',
    becomes: "if (budget === 0) return because(context, page, 'pages-unavailable', result, result);",
    killedBy: 'ranges,pages:one-bad-page',
  },
  {
    id: 'commit-eagain-killed',
    rule: 'spec/05-faults §5',
    becomes: "return because(context, page, 'commit-failed', result, result);",
    killedBy: 'faults,retries:invalidated',
  },
  {
    id: 'hmm-read-permission',
    rule: 'spec/03-gpu-ranges §A.8',
    becomes: 'if (vma === undefined || isIoOrPfnMap(vma)) return -Errno.EFAULT;',
    killedBy: 'uapi,prefetch-errors:protected-page',
  },

  // ---- life cycle (06)
  {
    id: 'noretry-9-4-2',
    rule: 'spec/06-lifecycle §3, Q05',
    becomes: '',
    killedBy: 'lifecycle,xnack:version',
  },
  {
    id: 'xnack-10-3',
    rule: 'spec/06-lifecycle §3',
    becomes: 'return !device.model.noretry;',
    killedBy: 'uapi,check-order:no-xnack',
  },
  {
    id: 'noretry-ignored',
    rule: 'spec/06-lifecycle §3',
    becomes: 'return version < gc(10, 1, 1);',
    killedBy: 'lifecycle,xnack:version',
  },
  {
    id: 'default-granularity-clamp',
    rule: 'spec/06-lifecycle §4',
    becomes: 'export const LARGEST_DEFAULT_GRANULARITY = 28;',
    killedBy: 'lifecycle,xnack:default-granularity',
  },
  {
    id: 'granularity-not-truncated',
    rule: 'spec/06-lifecycle §4, Q06',
    becomes: 'return Math.min(device.settings.defaultGranularity, LARGEST_DEFAULT_GRANULARITY);',
    killedBy: 'lifecycle,xnack:default-granularity',
  },
  {
    id: 'closing-served',
    rule: 'spec/06-lifecycle §6.1, Q61',
    becomes: '',
    killedBy: 'faults,order:closing-first',
  },
  {
    id: 'closing-invalidates',
    rule: 'spec/06-lifecycle §6.1, Q11',
    becomes: '',
    killedBy: 'lifecycle,context:closing',
  },
  {
    id: 'context-not-recreated',
    rule: 'spec/06-lifecycle §2',
    becomes: '',
    killedBy: 'lifecycle,context:finalisation',
  },
  {
    id: 'caches-after-xnack',
    rule: 'spec/06-lifecycle §2 order of steps 2 and 8, Q12',
    becomes:
      'const cachesAreWhole = surroundings.revision.modeFor(surroundings.device) === null || surroundings.driver.createSlabCaches(surroundings.points);',
    killedBy: 'quirks,abi:q12-caches-stay',
  },
  {
    id: 'one-line-for-an-answer',
    rule: 'spec/06-lifecycle §11, Q70',
    becomes: 'context.device.counters.errorLines = 1;',
    killedBy: 'quirks,faults:q70',
  },
];

/** Those of all revisions. */
export const MUTANTS = [...V4_MUTANTS, ...REVISION_MUTANTS, ...MIGRATION_MUTANTS];
