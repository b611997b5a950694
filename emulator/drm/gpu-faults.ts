// Models: a retry fault of a GPU on its way from the interrupt to the SVM fault handler of its PASID (spec/05-faults §1, §2).
import { LockAssertionError } from '../kernel/lock.ts';
import type { OperationScope } from '../kernel/operation-scope.ts';
import type { PreemptionPoints } from '../kernel/preemption.ts';
import type { GpuCosts } from '../cost/machine-costs.ts';
import type { GpuDevice } from '../gpu/gpu-device.ts';
import { TIMESTAMP_BITS } from '../gpu/interrupt-ring.ts';
import type { KernelRevision, PasidTable, SvmContext } from '../svm/context.ts';
import type { DriverModule } from '../svm/driver-module.ts';
import type { FaultCall } from '../svm/revision.ts';
import { SLEEPING } from '../svm/sleeping.ts';
import { fileOfPasid } from './requests.ts';
import type { EmulatedFile } from './file.ts';

const TIMESTAMP_RANGE = 2 ** TIMESTAMP_BITS;

/** The GPU that faults. */
interface FaultingDevice {
  readonly gpu: GpuDevice;
  readonly pasids: PasidTable;
  readonly files: readonly EmulatedFile[];
  readonly inReset: boolean;
  readonly surroundings: {
    readonly revision: KernelRevision;
    readonly driver: DriverModule;
    readonly clock: { readonly now: number };
    readonly points: PreemptionPoints;
    readonly scope: OperationScope;
    readonly svmConfigured: boolean;
  };
}

/** The faults of one GPU. */
export class GpuFaults {
  readonly #device: FaultingDevice;
  readonly #costs: GpuCosts | null;
  readonly #onLost: (page: number, write: boolean) => void;

  /** `costs`: what they take, null: no time; `onLost`: a fault came for a PASID that no file has. */
  constructor(device: FaultingDevice, costs: GpuCosts | null, onLost: (page: number, write: boolean) => void) {
    this.#device = device;
    this.#costs = costs;
    this.#onLost = onLost;
  }

  /**
   * Raises a fault at `page`; `timestamp` undefined: now. 0, a negative errno, or SLEEPING: `sleeper` gets the result when
   * the handler has waited for the svm lock. Without it that is a LockAssertionError.
   */
  raise(
    pasid: number | undefined,
    page: number,
    timestamp: number | undefined,
    write: boolean,
    sleeper?: (result: number) => void,
  ): number {
    const { gpu, pasids, inReset, surroundings } = this.#device;
    gpu.counters.faults++;
    const { now } = surroundings.clock;
    this.#costs?.faultRaised();
    const context = pasid === undefined ? undefined : pasids.find(pasid)?.context;
    if (context === undefined || context === null) return this.#refuse(pasid, page, write);
    if (surroundings.points.listener !== null) this.#letOthersIn(context, page);
    if (inReset && !surroundings.revision.answersInReset) {
      context.endFault(page, write, 0, 'in-reset', 0);
      return 0;
    }
    const time = timestamp ?? (now < TIMESTAMP_RANGE ? now : now % TIMESTAMP_RANGE);
    const call = context.mode.handleFault(context, page, time, write);
    return typeof call === 'number' ? call : this.#wait(call, sleeper);
  }

  #wait(call: FaultCall, sleeper: ((result: number) => void) | undefined): number {
    if (sleeper === undefined) throw new LockAssertionError('the svm lock is held by the interrupted operation');
    this.#device.surroundings.scope.addSleeper({
      resume: () => {
        const resumed = call.run();
        if (resumed === SLEEPING) return false;
        sleeper(resumed);
        return true;
      },
    });
    return SLEEPING;
  }

  #letOthersIn(context: SvmContext, page: number): void {
    const { pasids, surroundings } = this.#device;
    pasids.lock.acquire();
    surroundings.points.reach('context-looked-up');
    pasids.lock.release();
    if (context.vm.context !== context) {
      const what = 'the fault handler looked up a context that was finalised before it took a reference';
      context.effects.current?.hazard('Q09', what, page, 1);
    }
  }

  /** The handler finds no context for the PASID. */
  #refuse(pasid: number | undefined, page: number, write: boolean): number {
    const { gpu, files, surroundings } = this.#device;
    const file = fileOfPasid(files, pasid);
    const result = surroundings.revision.faultWithoutContext;
    // Only here: where there is a context there is a driver.
    surroundings.driver.needsLoaded('fault');
    const effects = file?.effects.current;
    // The handler of a kernel without the option says nothing.
    if (surroundings.svmConfigured && result !== 0) {
      gpu.counters.errorLines++;
      effects?.faultLogged(page, 1);
    }
    if (file === undefined) this.#onLost(page, write);
    else effects?.faultEnded(page, write, result, 'no-context', 0);
    return result;
  }
}
