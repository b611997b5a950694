/**
 * Rules of the emulator, each with a way to break it: what the conformance suite has to notice (scripts/mutation-check.mjs).
 * `find` stands exactly once in `file`. `killedBy` are the cases that are meant to notice (a query); if they don't, the whole
 * suite is asked. `survives` explains a mutant that no case can tell from the original.
 *
 * @typedef {{ id: string, rule: string, file: string, find: string, replace: string, killedBy?: string, survives?: string }} Mutant
 */

const svm = 'emulator/svm/';
const gpusvm = 'emulator/gpusvm/';

/** @type {readonly Mutant[]} */
export const MUTANTS = [
  // ---- the ioctl (01-uapi)
  { id: 'alignment-of-size', rule: '01-uapi §6 check 2', file: 'emulator/drm/svm-ioctl.ts', find: '((args.startLow | args.sizeLow) & PAGE_MASK) !== 0', replace: '(args.startLow & PAGE_MASK) !== 0', killedBy: 'uapi,arguments:alignment' },
  { id: 'zero-start', rule: '01-uapi §6 check 3', file: 'emulator/drm/svm-ioctl.ts', find: '(args.startLow | args.startHigh) === 0 || (args.sizeLow | args.sizeHigh) === 0', replace: '(args.sizeLow | args.sizeHigh) === 0', killedBy: 'uapi,arguments:zero' },
  { id: 'count-of-64', rule: '01-uapi §8', file: 'emulator/drm/svm-ioctl.ts', find: 'count > MAX_ATTRIBUTES_PER_CALL', replace: 'count >= MAX_ATTRIBUTES_PER_CALL', killedBy: 'uapi,arguments:attribute-count' },
  { id: 'null-pointer-errno', rule: '01-uapi §6 check 5', file: 'emulator/drm/svm-ioctl.ts', find: 'if (memory === null) return -Errno.EINVAL;', replace: 'if (memory === null) return -Errno.EFAULT;', killedBy: 'uapi,arguments:pointer' },
  { id: 'operation-before-copy', rule: '01-uapi §6 order of checks 6 and 7', file: 'emulator/drm/svm-ioctl.ts', find: "    if (memory === 'bad' ||", replace: "    if (args.operation > 1) return -Errno.EINVAL;\n    if (memory === 'bad' ||", killedBy: 'uapi,arguments:pointer' },
  { id: 'operation-2-accepted', rule: '01-uapi §6 check 7', file: 'emulator/drm/svm-ioctl.ts', find: 'args.operation !== SvmOperation.getAttributes) {', replace: 'args.operation !== SvmOperation.getAttributes && args.operation !== 2) {', killedBy: 'uapi,arguments:operation' },
  { id: 'get-writes-despite-error', rule: '01-uapi §6.2 step 3', file: 'emulator/drm/svm-ioctl.ts', find: '    if (result !== 0) return result;\n    if (memory.readOnly', replace: '    if (result !== 0) {\n      copyToUser(memory.bytes, this.#request, count);\n      return result;\n    }\n    if (memory.readOnly', killedBy: 'uapi,values:unknown-type' },
  { id: 'context-after-checks', rule: '01-uapi §6 check 1, Q01', file: 'emulator/drm/svm-ioctl.ts', find: "    if (typeof context === 'number') return context;\n    if (((args.startLow", replace: "    if (typeof context === 'number') return (args.startLow & PAGE_MASK) !== 0 ? -Errno.EINVAL : context;\n    if (((args.startLow", killedBy: 'uapi,check-order:no-xnack' },

  // ---- attributes (02-attributes)
  { id: 'default-access', rule: '02-attributes §1', file: `${svm}attribute-record.ts`, find: "access: SvmAccess['allow-migrate'],", replace: "access: SvmAccess['in-place'],", killedBy: 'attributes,defaults:hole' },
  { id: 'default-flags', rule: '02-attributes §1', file: `${svm}attribute-record.ts`, find: 'flags: SvmFlag.hostAccess | SvmFlag.coherent,', replace: 'flags: SvmFlag.hostAccess,', killedBy: 'attributes,defaults:hole' },
  { id: 'granularity-clamp', rule: '02-attributes §2', file: `${svm}attribute-record.ts`, find: 'const LARGEST_GRANULARITY = 63;', replace: 'const LARGEST_GRANULARITY = 64;', killedBy: 'attributes,geometry:equal-after-clamp' },
  { id: 'prefetch-undefined-accepted', rule: '02-attributes §4.1', file: `${svm}attribute-record.ts`, find: 'if (value === SvmLocation.undefined) return false;', replace: 'if (value === SvmLocation.undefined) continue;', killedBy: 'uapi,values:accepted' },
  { id: 'access-3-accepted', rule: '02-attributes §4.1', file: `${svm}attribute-record.ts`, find: "if (value > SvmAccess['allow-migrate']) return false;", replace: "if (value > 3) return false;", killedBy: 'uapi,values:accepted' },
  { id: 'always-mapped-accepted', rule: '02-attributes §4.1', file: `${svm}attribute-record.ts`, find: 'if (type === SvmAttributeType.gpuAlwaysMapped && value === 1) return false;', replace: '', killedBy: 'uapi,values:accepted' },
  { id: 'flag-value-2-accepted', rule: '02-attributes §4.1', file: `${svm}attribute-record.ts`, find: 'if (type > LAST_FLAG_TYPE || value > 1) return false;', replace: 'if (type > LAST_FLAG_TYPE || value > 2) return false;', killedBy: 'uapi,values:accepted' },
  { id: 'type-12-accepted', rule: '02-attributes §4.1', file: `${svm}attribute-record.ts`, find: 'if (type > LAST_FLAG_TYPE || value > 1) return false;', replace: 'if (type > LAST_FLAG_TYPE + 1 || value > 1) return false;', killedBy: 'uapi,values:unknown-type' },
  { id: 'split-loses-right-piece', rule: '02-attributes §4.6', file: `${svm}attribute-tree.ts`, find: 'if (last < oldLast) this.#map.insert(', replace: 'if (last < oldLast - 1) this.#map.insert(', killedBy: 'attributes,geometry:repeated' },
  { id: 'split-left-with-new-record', rule: '02-attributes §4.6', file: `${svm}attribute-tree.ts`, find: 'const left = new AttributeInterval(oldFirst, first - 1, interval);', replace: 'const left = new AttributeInterval(oldFirst + 1, first - 1, interval);', killedBy: 'attributes,geometry:pages' },
  { id: 'segment-skips-hole', rule: '02-attributes §4.4', file: `${svm}set-attributes.ts`, find: 'Math.min(this.#last, next.first - 1);', replace: 'Math.min(this.#last, next.last);', killedBy: 'attributes,geometry:pages' },
  { id: 'special-vma-accepted', rule: '02-attributes §4.2', file: `${svm}set-attributes.ts`, find: '      if (isSpecialVma(vma)) return -Errno.EOPNOTSUPP;\n', replace: '', killedBy: 'uapi,check-order:alone' },
  { id: 'hole-errno', rule: '02-attributes §4.2', file: `${svm}set-attributes.ts`, find: 'if (vma === undefined) return -Errno.EFAULT;', replace: 'if (vma === undefined) return -Errno.EINVAL;', killedBy: 'uapi,check-order:alone' },
  { id: 'hole-behind-first-vma', rule: '02-attributes §4.2', file: `${svm}set-attributes.ts`, find: '      page = vma.endPage;\n    }\n    return 0;', replace: '      page = end;\n    }\n    return 0;', killedBy: 'uapi,check-order:alone' },
  { id: 'wrap-accepted', rule: '02-attributes §10', file: `${svm}set-attributes.ts`, find: 'if (this.#first > this.#last) return -Errno.EINVAL;', replace: 'if (this.#first > this.#last) return 0;', killedBy: 'uapi,check-order:alone' },
  { id: 'no-split-invalidation', rule: '02-attributes §4.9, 04 §3', file: `${svm}set-attributes.ts`, find: 'this.#trigger |= Trigger.rangeSplit;', replace: '', killedBy: 'attributes,wrap:split-at-the-end' },
  { id: 'prefetch-only-on-change', rule: '02-attributes §5.1, Q17', file: `${svm}attribute-record.ts`, find: 'if (after.prefetchLocation !== LOCATION_UNDEFINED &&', replace: 'if (before.prefetchLocation !== after.prefetchLocation && after.prefetchLocation !== LOCATION_UNDEFINED &&', killedBy: 'uapi,prefetch-errors:passed-through' },
  { id: 'prefetch-to-system-maps', rule: '02-attributes §5.1, Q18', file: `${svm}attribute-record.ts`, find: ' && after.prefetchLocation !== SvmLocation.system', replace: '', killedBy: 'attributes,duplicates:one-trigger' },
  { id: 'equal-set-has-effects', rule: '02-attributes §4.5, Q16', file: `${svm}set-attributes.ts`, find: '    if (recordsEqual(target, interval)) {\n      this.#trigger = 0;', replace: '    if (recordsEqual(target, interval)) {\n      this.#trigger = changeTrigger(interval, target);', killedBy: 'attributes,effects:only-what-changes' },
  { id: 'get-first-interval-wins', rule: '02-attributes §7.1', file: `${svm}attribute-get.ts`, find: 'aggregate.flags &= record.flags;', replace: 'aggregate.flags |= record.flags;', killedBy: 'attributes,aggregate:two-intervals' },
  { id: 'get-granularity-largest', rule: '02-attributes §7.1', file: `${svm}attribute-get.ts`, find: 'if (record.granularity < aggregate.granularity)', replace: 'if (record.granularity > aggregate.granularity)', killedBy: 'attributes,aggregate:two-intervals' },
  { id: 'get-mixed-access', rule: '02-attributes §7.1', file: `${svm}attribute-get.ts`, find: 'aggregate.access = SvmAccess.inaccessible;', replace: "aggregate.access = SvmAccess['in-place'];", killedBy: 'attributes,aggregate:two-intervals' },
  { id: 'get-ignores-hole-at-end', rule: '02-attributes §7.1', file: `${svm}attribute-get.ts`, find: '      if (cursor <= last) combine(defaults);\n', replace: '', killedBy: 'attributes,aggregate:holes' },
  { id: 'clear-keeps-tail', rule: '02-attributes §6', file: `${svm}attribute-clear.ts`, find: 'tree.trimFront(interval, last + 1);', replace: 'tree.trimFront(interval, last);', killedBy: 'attributes,clear:geometry' },
  { id: 'clear-middle-loses-tail', rule: '02-attributes §6', file: `${svm}attribute-clear.ts`, find: '        tree.insert(tail);\n', replace: '', killedBy: 'attributes,clear:geometry' },

  // ---- GPU ranges (03-gpu-ranges)
  { id: 'chunk-of-64k', rule: '03-gpu-ranges §A.7', file: `${gpusvm}chunk.ts`, find: '[512, 16, 1]', replace: '[512, 1]', killedBy: 'ranges,chunks:vma-bounds' },
  { id: 'chunk-beyond-vma', rule: '03-gpu-ranges §A.7', file: `${gpusvm}chunk.ts`, find: 'start + pages > high', replace: 'start + pages > high + 1', killedBy: 'ranges,chunks:vma-bounds' },
  { id: 'chunk-ignores-interval', rule: '03-gpu-ranges §A.7', file: `${gpusvm}chunk.ts`, find: 'const low = Math.max(vmaStart, lowPage);', replace: 'const low = vmaStart;', killedBy: 'attributes,triggers:worked-traces' },
  { id: 'chunk-overlaps-neighbour', rule: '03-gpu-ranges §A.7', file: `${gpusvm}chunk.ts`, find: 'if (pages === 1 || !isTaken(start, pages)) return pages;', replace: 'return pages;', killedBy: 'ranges,chunks:neighbours' },
  { id: 'read-only-vma-errno', rule: '03-gpu-ranges §A.6', file: `${gpusvm}gpu-svm.ts`, find: 'if (!readOnly && (vma.protection & Protection.write) === 0) return -Errno.EPERM;', replace: '', killedBy: 'attributes,triggers:new-location' },
  { id: 'io-errno', rule: '03-gpu-ranges §A.6', file: `${gpusvm}gpu-svm.ts`, find: 'if (isIoOrPfnMap(vma)) return -Errno.EIO;', replace: 'if (isIoOrPfnMap(vma)) return -Errno.EPERM;', killedBy: 'uapi,prefetch-errors:changed-after-validation' },
  { id: 'bound-check-at-end', rule: '03-gpu-ranges §A.6, Q59', file: `${gpusvm}gpu-svm.ts`, find: 'if (page > this.#config.pages) return', replace: 'if (page >= this.#config.pages) return', killedBy: 'quirks,faults:q59' },
  { id: 'unused-notifier-stays', rule: '03-gpu-ranges §A.6', file: `${gpusvm}gpu-svm.ts`, find: "if (isNew && typeof found === 'number') this.#unregister(notifier);", replace: '', killedBy: 'ranges,notifiers:undone' },
  { id: 'last-range-keeps-notifier', rule: '03-gpu-ranges §A.11', file: `${gpusvm}gpu-svm.ts`, find: 'if (this.#forget(notifier)) this.#unregister(notifier);', replace: 'this.#forget(notifier);', killedBy: 'ranges,notifiers' },
  { id: 'read-only-not-sticky', rule: '03-gpu-ranges §B.3, Q49', file: `${svm}map-interval.ts`, find: '  mode.readOnly = true;\n', replace: '', killedBy: 'attributes,triggers:new-location' },
  { id: 'prefetch-skips-second-range', rule: '03-gpu-ranges §B.8', file: `${svm}map-interval.ts`, find: 'page = range.startPage + range.pages;', replace: 'page = range.startPage + 2 * range.pages;', killedBy: 'uapi,prefetch-errors:protected-page' },
  { id: 'prefetch-without-flush', rule: '03-gpu-ranges §B.7', file: `${svm}commit.ts`, find: 'if (forPrefetch) context.flushTlb();', replace: '', killedBy: 'ranges,commit:order' },
  { id: 'fault-flushes', rule: '03-gpu-ranges §B.7, Q42', file: `${svm}commit.ts`, find: 'if (forPrefetch) context.flushTlb();', replace: 'context.flushTlb();', killedBy: 'ranges,pages:reuse' },
  { id: 'memory-type-coherent', rule: '03-gpu-ranges §B.2', file: 'emulator/gpu/pte-format.ts', find: "return coherent ? 'UC' : 'NC';", replace: "return 'NC';", killedBy: 'ranges,pte-flags:memory-type' },
  { id: 'executable-bit', rule: '03-gpu-ranges §B.2', file: 'emulator/gpu/pte-format.ts', find: 'if ((flags & FLAG_GPU_EXEC) !== 0) value |= PteBit.executable;', replace: 'value |= PteBit.executable;', killedBy: 'uapi,prefetch-errors:beyond-the-gpu' },
  { id: 'read-only-flag-ignored', rule: '03-gpu-ranges §B.2', file: 'emulator/gpu/pte-format.ts', find: 'if ((flags & FLAG_GPU_RO) === 0 && !readOnly)', replace: 'if (!readOnly)', killedBy: 'faults,permissions:changed-meanwhile' },
  { id: 'valid-range-rewritten', rule: '03-gpu-ranges §B.9', file: `${svm}svm-range.ts`, find: 'this.gpuMapped && this.pteFlags === pteFlags', replace: 'this.gpuMapped && this.pteFlags !== pteFlags', killedBy: 'attributes,effects:valid-ranges-stay' },

  // ---- invalidation and garbage collection (04)
  { id: 'clear-without-zap', rule: '04-invalidation §3', file: `${svm}invalidate.ts`, find: '  if (from < to) zapPages(context, from, to); // Q39: the result is ignored\n', replace: '', killedBy: 'uapi,prefetch-errors:read-only-neighbour' },
  { id: 'zap-whole-range', rule: '04-invalidation §3, Q35', file: `${svm}invalidate.ts`, find: 'if (from < to) zapPages(context, from, to);', replace: 'if (from < to) zapPages(context, range.startPage, range.endPage);', killedBy: 'ranges,notifiers:border' },
  { id: 'zap-without-flush', rule: '04-invalidation §3', file: `${svm}invalidate.ts`, find: 'if (zapped) context.flushTlb();', replace: '', killedBy: 'ranges,notifiers:border' },
  { id: 'dma-mapping-stays', rule: '04-invalidation §3', file: `${svm}invalidate.ts`, find: '    framework.unmapPages(range);\n    if (event', replace: '    if (event', killedBy: 'uapi,prefetch-errors:read-only-neighbour' },
  { id: 'unmap-not-queued', rule: '04-invalidation §5.2', file: `${svm}invalidate.ts`, find: '      context.collector.enqueue(range, firstPage, Math.min(range.endPage, endPage) - 1);\n', replace: '', killedBy: 'attributes,retry:collected-between' },
  { id: 'clear-event-queues', rule: '04-invalidation §3', file: `${svm}invalidate.ts`, find: 'if (event === NotifierEvent.unmap) {\n      range.setUnmapped', replace: 'if (event !== NotifierEvent.release) {\n      range.setUnmapped', killedBy: 'uapi,prefetch-errors:read-only-neighbour' },
  { id: 'split-keeps-range', rule: '04-invalidation §3', file: `${svm}invalidate.ts`, find: 'if (startPage > range.startPage || endPage < range.endPage) removeRange(context, range);', replace: '', killedBy: 'attributes,triggers:part' },
  { id: 'split-without-flush', rule: '04-invalidation §3', file: `${svm}invalidate.ts`, find: '  if (flush) context.flushTlb();\n', replace: '', killedBy: 'attributes,triggers:part' },
  { id: 'collector-keeps-attributes', rule: '04-invalidation §6', file: `${svm}garbage-collector.ts`, find: 'const result = clearAttributes(context, first, last);', replace: 'const result = 0 * clearAttributes(context, last, first);', killedBy: 'attributes,retry:collected-between' },
  { id: 'collector-keeps-range', rule: '04-invalidation §6', file: `${svm}garbage-collector.ts`, find: 'if (context.framework.removeRange(range)) {', replace: 'if (range.pages > 0) {', killedBy: 'attributes,retry:collected-between' },
  { id: 'set-does-not-wait', rule: '04-invalidation §6.4', file: `${svm}set-attributes.ts`, find: '      context.collector.waitIdle();\n      const result = this.#validate();', replace: '      const result = this.#validate();', killedBy: 'attributes,clear:who-waits' },
  { id: 'fault-does-not-collect', rule: '05-faults §5 step 1', file: `${svm}fault.ts`, find: 'const collected = context.collector.collect();', replace: 'const collected = 0;', killedBy: 'ranges,pages:hole' },
  { id: 'checkpoint-from-soft-ring', rule: '04-invalidation §4', file: `${svm}invalidate.ts`, find: 'else if (softwareRing.pending)', replace: 'else if (!softwareRing.pending)', killedBy: 'ranges,collector:checkpoint-source' },

  // ---- faults (05)
  { id: 'window-of-1-ms', rule: '05-faults §5, Q57', file: `${svm}fault.ts`, find: 'RECENT_MAPPING_WINDOW = 2_000_000', replace: 'RECENT_MAPPING_WINDOW = 1_999_999', killedBy: 'faults,window:edges' },
  { id: 'window-edge', rule: '05-faults §5, Q57', file: `${svm}fault.ts`, find: 'now < range.validationTime + RECENT', replace: 'now <= range.validationTime + RECENT', killedBy: 'faults,window:edges' },
  { id: 'attempts', rule: '05-faults §5', file: `${svm}fault.ts`, find: 'const ATTEMPTS = 3;', replace: 'const ATTEMPTS = 2;', killedBy: 'faults,retries:budget' },
  { id: 'write-permission', rule: '05-faults §5.1', file: `${svm}fault.ts`, find: 'Protection.read | (this.#write ? Protection.write : 0)', replace: 'Protection.read', killedBy: 'faults,permissions' },
  { id: 'no-vma-killed', rule: '05-faults §4, Q54', file: `${svm}fault.ts`, find: 'refusal = RESOLVED_NOTHING; // Q54', replace: 'refusal = -Errno.EFAULT;', killedBy: 'faults,order:pasid' },
  { id: 'special-vma-served', rule: '05-faults §4', file: `${svm}fault.ts`, find: '    } else if (isSpecialVma(vma)) {', replace: '    } else if (isSpecialVma(vma) && page < 0) {', killedBy: 'faults,order:vm-layer-killed' },
  { id: 'stack-location', rule: '05-faults §4', file: `${svm}fault.ts`, find: ' || process.isInitialStack(vma)', replace: '', killedBy: 'faults,defaults:record' },
  { id: 'granule-ignored', rule: '05-faults §4', file: `${svm}fault.ts`, find: 'first = Math.max(first, granuleStart, bounds.first);', replace: 'first = Math.max(first, bounds.first);', killedBy: 'faults,defaults:granule' },
  { id: 'stale-filter-edge', rule: '05-faults §3, Q64', file: 'emulator/gpu/interrupt-ring.ts', find: 'return difference < TIMESTAMP_RANGE / 2;', replace: 'return difference <= TIMESTAMP_RANGE / 2;', killedBy: 'faults,window:stale' },
  { id: 'stale-filter-off', rule: '05-faults §3, Q63', file: `${svm}fault.ts`, find: "      if (this.#dropStale()) return this.#answer(0, 'stale');\n", replace: '', killedBy: 'faults,window:stale' },
  { id: 'collection-error-killed', rule: '05-faults §5, Q55', file: `${svm}fault.ts`, find: "if (budget === 0) return this.#because('pages-unavailable', 0, result); // Q55", replace: "if (budget === 0) return this.#because('pages-unavailable', result, result);", killedBy: 'ranges,pages:one-bad-page' },
  { id: 'commit-eagain-killed', rule: '05-faults §5', file: `${svm}fault.ts`, find: 'if (result !== -Errno.EAGAIN) return this.#because', replace: 'return this.#because', killedBy: 'faults,retries:invalidated' },
  { id: 'hmm-read-permission', rule: '03-gpu-ranges §A.8', file: 'emulator/mm/hmm.ts', find: ' || (vma.protection & Protection.read) === 0', replace: '', killedBy: 'uapi,prefetch-errors:protected-page' },

  // ---- life cycle (06)
  { id: 'noretry-9-4-2', rule: '06-lifecycle §3, Q05', file: 'emulator/gpu/xnack.ts', find: '    case gc(9, 4, 2):\n', replace: '', killedBy: 'lifecycle,xnack:version' },
  { id: 'xnack-10-3', rule: '06-lifecycle §3', file: 'emulator/gpu/xnack.ts', find: 'return version < gc(10, 1, 1) && !device.model.noretry;', replace: 'return !device.model.noretry;', killedBy: 'uapi,check-order:no-xnack' },
  { id: 'noretry-ignored', rule: '06-lifecycle §3', file: 'emulator/gpu/xnack.ts', find: 'version < gc(10, 1, 1) && !device.model.noretry', replace: 'version < gc(10, 1, 1)', killedBy: 'lifecycle,xnack:version' },
  { id: 'default-granularity-clamp', rule: '06-lifecycle §4', file: 'emulator/gpu/xnack.ts', find: 'const LARGEST_GRANULARITY = 27;', replace: 'const LARGEST_GRANULARITY = 28;', killedBy: 'lifecycle,xnack:default-granularity' },
  { id: 'granularity-not-truncated', rule: '06-lifecycle §4, Q06', file: 'emulator/gpu/xnack.ts', find: 'device.settings.defaultGranularity & 0xff', replace: 'device.settings.defaultGranularity', killedBy: 'lifecycle,xnack:default-granularity' },
  { id: 'closing-served', rule: '06-lifecycle §6.1, Q61', file: `${svm}fault.ts`, find: 'if (context.closing) return this.#refuseClosing(); // Q61', replace: '', killedBy: 'faults,order:closing-first' },
  { id: 'closing-invalidates', rule: '06-lifecycle §6.1, Q11', file: `${svm}invalidate.ts`, find: '  if (context.closing) {\n    // Q11', replace: '  if (context.closing && first === undefined) {\n    // Q11', killedBy: 'lifecycle,context:closing' },
  { id: 'context-not-recreated', rule: '06-lifecycle §2', file: `${svm}context.ts`, find: '    this.vm.context = null;\n', replace: '', killedBy: 'lifecycle,context:finalisation' },
  { id: 'caches-after-xnack', rule: '06-lifecycle §2 order of steps 2 and 8, Q12', file: `${svm}context.ts`, find: '  surroundings.driver.createSlabCaches();', replace: '  if (isXnackEnabled(surroundings.device)) surroundings.driver.createSlabCaches();', killedBy: 'quirks,abi:q12-caches-stay' },
  { id: 'one-line-for-an-answer', rule: '06-lifecycle §11, Q70', file: `${svm}fault.ts`, find: 'device.counters.errorLines += lines;', replace: 'device.counters.errorLines = 1;', killedBy: 'quirks,faults:q70' },
];
