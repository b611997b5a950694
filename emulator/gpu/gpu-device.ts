// Models: the state of one amdgpu device that SVM reads or changes (spec/04-invalidation-and-gc §4, spec/06-lifecycle §3, §6.5).
import { InterruptRing } from './interrupt-ring.ts';
import { PteFlagTable } from './pte-format.ts';
import type { GpuModel } from './catalogue.ts';

/** Counters of what the driver was made to do; the names are those of the spec/trace-format §6, which lacks `errorLines`. */
export class DeviceCounters {
  /** Calls of the SVM fault handler. */
  faults = 0;
  /** Page-table write calls that set PTEs. */
  mapCalls = 0;
  /** Page-table write calls that clear PTEs. */
  clearCalls = 0;
  /** TLB flushes. */
  tlb = 0;
  /** Page-directory updates. */
  pdes = 0;
  /** Page-directory locks. */
  lockPd = 0;
  /** HMM range faults. */
  hmm = 0;
  /** Requests to expire an entry of the duplicate filter. */
  filterRemove = 0;
  /** DMA-mapped pages right now. */
  dmaPages = 0;
  /** Runs of the garbage collector's work item. */
  gcRuns = 0;
  /** Error lines that SVM wrote to the kernel log for this device, without a rate limit (spec/06-lifecycle §11, Q70). */
  errorLines = 0;
}

/** Settings of a device that do not come from its model. */
export interface GpuDeviceSettings {
  readonly numaNodes: number;
  readonly mtypeLocal: number;
  /** Module parameter svm_default_granularity, log2 of pages. */
  readonly defaultGranularity: number;
  /** False: a virtual function whose host says XNACK is unsupported. */
  readonly sriovXnack: boolean;
  /** True: XNACK is switched off although the device could have it. */
  readonly xnackOff: boolean;
}

/** One emulated GPU. */
export class GpuDevice {
  readonly model: GpuModel;
  readonly settings: GpuDeviceSettings;
  readonly counters = new DeviceCounters();
  readonly ring1: InterruptRing;
  readonly softwareRing = new InterruptRing(true);
  readonly pteFlags: PteFlagTable;
  /** Number of the last page of the mirrored interval, exclusive (max_pfn). */
  readonly maxPage: number;

  /** `connectedToCpu`: its VRAM is coherent memory of the CPU. */
  constructor(model: GpuModel, settings: GpuDeviceSettings, connectedToCpu = false) {
    this.model = model;
    this.settings = settings;
    this.ring1 = new InterruptRing(model.ih1);
    const { numaNodes, mtypeLocal } = settings;
    this.pteFlags = new PteFlagTable({ gc: model.gc, apu: model.apu, numaNodes, mtypeLocal, connectedToCpu });
    this.maxPage = 2 ** (model.vaBits - 12);
  }
}
