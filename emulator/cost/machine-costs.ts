// Models: the time that a machine takes for what its driver does (docs/cost.md): hears the effects, and moves the clock.
import type { VirtualClock } from '../kernel/clock.ts';
import { QuietEffects } from '../kernel/effects.ts';
import { PAGE_BYTES } from '../kernel/page-number.ts';
import { NotifierEvent } from '../mm/interval-notifier.ts';
import { CostAccount } from './cost-account.ts';
import type { ByteDirection, CostTotals } from './cost-account.ts';
import { COST_KINDS } from './cost-fields.ts';
import type { CostKind, CostTable } from './cost-fields.ts';

/** Time that was spent at once: it ends now. */
export interface Spending {
  /** Number of the GPU; 0 for the CPU and the process. */
  readonly device: number;
  readonly kind: CostKind;
  readonly nanoseconds: number;
  /** Bytes that were copied or accessed, 0: none. */
  readonly bytes: number;
}

/** Where time passes: one after the other, whoever spends it. Every amount is rounded to whole nanoseconds. */
export class MachineCosts extends QuietEffects {
  readonly table: CostTable;
  /** Told of each spending; null: nobody listens. */
  listener: { spent(spending: Spending): void } | null = null;
  readonly #clock: VirtualClock;
  readonly #process = new CostAccount();
  readonly #gpus: CostAccount[] = [];

  constructor(table: CostTable, clock: VirtualClock) {
    super();
    this.table = table;
    this.#clock = clock;
  }

  /** What the GPU with the next number spends; `counters` are those of its driver. */
  addGpu(counters: { readonly mapCalls: number }): GpuCosts {
    const account = new CostAccount();
    this.#gpus.push(account);
    return new GpuCosts(this, this.#gpus.length - 1, account, counters);
  }

  /** What was spent by GPU `gpu`, or by all and the process together. */
  totals(gpu?: number): CostTotals {
    if (gpu === undefined) return CostAccount.totals([this.#process, ...this.#gpus]);
    return CostAccount.totals([this.#gpus[gpu]!]);
  }

  /** What was spent by the process: faults of the CPU and the set-up of migrations. */
  processTotals(): CostTotals {
    return CostAccount.totals([this.#process]);
  }

  /** The CPU met `pages` pages that were not present. */
  cpuFaults(pages: number): void {
    if (pages > 0) this.spend(this.#process, 0, 'cpu-fault', pages, pages * this.table.cpuFault);
  }

  override migrationAnnounced(event: number): void {
    if (event === NotifierEvent.migrate) this.spend(this.#process, 0, 'migration-setup', 1, this.table.migrationCall);
  }
  override movedToVram(_startPage: number, pages: number, gpu: number): void {
    this.#moved(pages, gpu);
  }
  override movedToRam(_startPage: number, pages: number, gpu: number): void {
    this.#moved(pages, gpu);
  }

  #moved(pages: number, gpu: number): void {
    this.spend(this.#gpus[gpu]!, gpu, 'migration', pages, pages * this.table.migrationPage);
  }

  /** Time passes for `account`. At the last moment that the clock can show it stands still. */
  spend(account: CostAccount, device: number, kind: CostKind, count: number, time: number, bytes = 0): void {
    const nanoseconds = Math.round(time);
    account.add(kind, count, nanoseconds);
    this.#clock.advance(Math.min(nanoseconds, Number.MAX_SAFE_INTEGER - this.#clock.now));
    this.listener?.spent({ device, kind, nanoseconds, bytes });
  }
}

/** What one GPU and its driver spend: a sink for the effects of its files and of its VRAM. */
export class GpuCosts extends QuietEffects {
  readonly #machine: MachineCosts;
  readonly #device: number;
  readonly #account: CostAccount;
  readonly #counters: { readonly mapCalls: number };
  /** Calls that are paid for. */
  #mapCalls = 0;

  constructor(machine: MachineCosts, device: number, account: CostAccount, counters: { readonly mapCalls: number }) {
    super();
    this.#machine = machine;
    this.#device = device;
    this.#account = account;
    this.#counters = counters;
  }

  /** A fault is on its way to the handler. */
  faultRaised(): void {
    this.#spend('fault-delivery', 1, this.#machine.table.faultDelivery);
  }

  /** The GPU accessed `bytes` bytes of its VRAM, or of system memory. */
  accessed(isLocal: boolean, bytes: number): void {
    const { localBandwidth, remoteBandwidth } = this.#machine.table;
    this.#transfer('gpu-access', isLocal ? 'local' : 'remote', bytes, isLocal ? localBandwidth : remoteBandwidth, 0);
  }

  /** Does `action`, and spends what it takes for `times` others that would do the same. */
  repeat(times: number, action: () => void): void {
    const before = CostAccount.totals([this.#account]).kinds;
    action();
    const after = CostAccount.totals([this.#account]).kinds;
    for (const kind of times > 0 ? COST_KINDS : []) {
      const count = after[kind].count - before[kind].count;
      const nanoseconds = after[kind].nanoseconds - before[kind].nanoseconds;
      if (count > 0) this.#spend(kind, times * count, times * nanoseconds);
    }
  }

  override faultEnded(): void {
    this.#spend('fault-handling', 1, this.#machine.table.faultHandling);
  }
  override ioctlAnswered(): void {
    this.#spend('ioctl', 1, this.#machine.table.ioctl);
  }
  override ptesWritten(_startPage: number, pages: number): void {
    const { mapCalls } = this.#counters;
    this.#pageTable(mapCalls - this.#mapCalls, pages);
    this.#mapCalls = mapCalls;
  }
  override ptesZapped(_startPage: number, pages: number): void {
    this.#pageTable(1, pages);
  }
  override tlbFlushed(): void {
    this.#spend('tlb-flush', 1, this.#machine.table.tlbFlush);
  }
  override dmaMapped(_startPage: number, pages: number): void {
    this.#spend('dma-mapping', pages, pages * this.#machine.table.dmaPage);
  }
  override queuesQuiesced(result: number): void {
    if (result === 0) this.#spend('queues', 1, this.#machine.table.queueStop);
  }
  override queuesResumed(result: number): void {
    if (result === 0) this.#spend('queues', 1, this.#machine.table.queueResume);
  }
  override copied(toVram: boolean, _offset: number, pages: number): void {
    const { copyBandwidth, copySetup } = this.#machine.table;
    this.#transfer('copy', toVram ? 'toVram' : 'toSystem', pages * PAGE_BYTES, copyBandwidth, copySetup);
  }
  override evictionBegan(): void {
    this.#spend('eviction', 1, this.#machine.table.eviction);
  }

  #pageTable(calls: number, pages: number): void {
    const { pageTableCall, pte } = this.#machine.table;
    this.#spend('page-tables', calls, calls * pageTableCall + pages * pte);
  }

  /** A bandwidth in GB/s is one in bytes in a nanosecond. */
  #transfer(kind: CostKind, direction: ByteDirection, bytes: number, bandwidth: number, setup: number): void {
    this.#account.addBytes(direction, bytes);
    this.#machine.spend(this.#account, this.#device, kind, 1, setup + bytes / bandwidth, bytes);
  }

  #spend(kind: CostKind, count: number, time: number): void {
    this.#machine.spend(this.#account, this.#device, kind, count, time);
  }
}
