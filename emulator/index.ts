/** The emulated machine: SVM of amdgpu without a GPU. Free of Node imports; runs in a browser. */
export { EmulatedMachine, machineOf } from './machine.ts';
export type { EmulatedMachineClock, MachineCostTotals, MachineSnapshot } from './machine.ts';
export { costArgument } from './cost/cost-argument.ts';
export type { CostOption } from './cost/cost-argument.ts';
export { COST_FIELDS, COST_KINDS } from './cost/cost-fields.ts';
export type { CostField, CostKind, CostTable } from './cost/cost-fields.ts';
export { COST_FIGURES, COST_NAMES } from './cost/cost-figures.ts';
export type { CostFigure, CostName } from './cost/cost-figures.ts';
export { BYTE_DIRECTIONS } from './cost/cost-account.ts';
export type { ByteDirection, CostSum, CostTotals } from './cost/cost-account.ts';
export { checkedOptions } from './options.ts';
export type { MachineOptions, ResolvedOptions } from './options.ts';
export { EmulatedProcess } from './process.ts';
export { EmulatedChild } from './process-child.ts';
export { EmulatedSyscallError } from './process-error.ts';
export type { MmapRequest } from './process.ts';
export { EmulatedDevice } from './drm/device.ts';
export type { AccessRequest, BufferObjectRequest, FaultRequest } from './drm/requests.ts';
export { EmulatedNode } from './drm/node.ts';
export type { EmulatedPointerField } from './drm/node.ts';
export { EmulatedFile } from './drm/file.ts';
export type { AccessDenial, AccessDenialCause } from './drm/denied-access.ts';
export { GpuAccessError, GpuEngine, XNACK_RETRY_INTERVAL } from './drm/engine.ts';
export { SdmaEngine } from './drm/sdma-engine.ts';
export type { SdmaMemory, SdmaSurroundings } from './drm/sdma-engine.ts';
export type { AccessResult, AccessRun } from './svm/access.ts';
export type { PteState } from './svm/pte-state.ts';
export { DriverUnloadedError } from './svm/driver-module.ts';
export type { VmFaultOutcome } from './svm/vm-fault.ts';
export { FaultLivelockError } from './revisions/v4/fault.ts';
export type { MemorySnapshot, VramPagesSnapshot } from './observe/memory-snapshot.ts';
export { contextParts } from './observe/parts.ts';
export type { ContextParts, PteRun } from './observe/parts.ts';
export { contextSnapshot } from './observe/snapshot.ts';
export type { AttributeSnapshot, ContextSnapshot, RangeSnapshot, VmaSnapshot } from './observe/snapshot.ts';
export { EVENT_NAMES, NOTIFIER_EVENT_NAMES } from './observe/events.ts';
export type {
  EventListener,
  EventMap,
  EventName,
  FaultOutcome,
  IntervalEvent,
  MachineEvent,
  NotifierEventName,
} from './observe/events.ts';
export {
  evidenceOf,
  formatHazard,
  HazardError,
  HazardMonitor,
  holdsIn,
  QUIRK_CATALOGUE,
  QUIRKS,
  UNOBSERVABLE,
} from './hazards/index.ts';
export type { CataloguedQuirk, Evidence, Quirk, WatchedFile } from './hazards/index.ts';
export type { Hazard, LoggedOperation, OperationWord, Severity } from './observe/hazard.ts';
export { policiesArgument, repairsArgument, repairsOfText, xnackOffRefusal } from './revision-options.ts';
export { PATCH_V8_POLICIES } from './svm/policies.ts';
export type { MigrationPolicies } from './svm/policies.ts';
export { REPAIRS, repairsFor, repairsOfHazard } from './svm/repairs.ts';
export type { Repair, RepairId } from './svm/repairs.ts';
export { EventRing } from './observe/event-ring.ts';
export type { EventCounts, EventSource } from './observe/event-ring.ts';
export type { AttributePair, PointerKind, SvmArguments } from '../lib/uapi/call.ts';
export type { JournalEntry, OperationJournal } from './drm/journal.ts';
export type { LeftObjects } from './drm/file.ts';
export { QuietEffects } from './kernel/effects.ts';
export type { AttributeEditKind, EffectSink, FaultReason } from './kernel/effects.ts';
export { Errno, errnoMessage, errnoName } from '../lib/uapi/errno.ts';
export type { ErrnoName } from '../lib/uapi/errno.ts';
export { FAILURE_POINTS } from './kernel/failures.ts';
export type { FailurePoint, PlannedFailure } from './kernel/failures.ts';
export { CLOCK_START } from './kernel/clock.ts';
export { MOST_GPUS } from './kernel/frame.ts';
export { LockAssertionError } from './kernel/lock.ts';
export type { PageValue } from './drm/page-values.ts';
export { cpuPageValue, gpuPageValue, setCpuPageValue, setGpuPageValue } from './drm/page-values.ts';
export { NotModelledError } from './kernel/not-modelled.ts';
export { NotifierEvent } from './mm/interval-notifier.ts';
export { COMMON_PREEMPTION_POINTS, PREEMPTION_POINTS, VRAM_PREEMPTION_POINTS } from './kernel/preemption.ts';
export type { PreemptionPoint } from './kernel/preemption.ts';
export { BOARDS } from './gpu/boards.ts';
export type { Board } from './gpu/boards.ts';
export type { Fabric, FabricLink, GpuLinks } from './gpu/fabric.ts';
export { GPU_CATALOGUE, gpuModel } from './gpu/catalogue.ts';
export type { AsicName, GpuModel } from './gpu/catalogue.ts';
export { formatGcVersion, parseGcVersion } from './gpu/gc-version.ts';
export type { GcVersion } from './gpu/gc-version.ts';
export { pteFlags, PteMemory } from './gpu/pte-format.ts';
export type { PteFormatOptions } from './gpu/pte-format.ts';
export { isSwitchedOffByNoretry } from './gpu/xnack.ts';
export type { VmaDescription } from './mm/address-space.ts';
export type { ForeignMemory } from './mm/page-contents.ts';
export { pageRunsPresent } from './mm/present-pages.ts';
export { isSpecialVma, protectionLetters, protectionOfLetters, VMA_KINDS } from './mm/vma.ts';
export type { VmaKind } from './mm/vma.ts';
