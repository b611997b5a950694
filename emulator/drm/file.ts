// Models: one open DRM file with its VM and SVM context (spec/01-uapi §6, spec/06-lifecycle §2, §5, §6).
import type { SvmArguments } from '../../lib/uapi/call.ts';
import { Errno } from '../../lib/uapi/errno.ts';
import { EffectHub } from '../kernel/effect-hub.ts';
import type { OperationScope } from '../kernel/operation-scope.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { createContext } from '../svm/context.ts';
import type { SvmContext, SvmDependencies } from '../svm/context.ts';
import { isRestoreWork } from '../svm/revision.ts';
import type { UserMemory } from '../svm/revision.ts';
import type { SvmIoctlCall } from '../svm/context.ts';
import { SLEEPING } from '../svm/sleeping.ts';
import type { GpuVm } from '../svm/context.ts';
import { LockAssertionError } from '../kernel/lock.ts';

/** Objects still allocated after finalisation. */
export interface LeftObjects {
  readonly ranges: number;
  readonly attrs: number;
  readonly dmaPages: number;
}

/** What a file needs of its device and machine. */
export interface FileDependencies extends Omit<SvmDependencies, 'effects'> {
  readonly process: AddressSpace;
  readonly scope: OperationScope;
  /** False: the kernel was configured without DRM_AMDGPU_SVM (spec/06-lifecycle §9). */
  readonly svmConfigured: boolean;
}

/** An open render node of an emulated device. */
export class EmulatedFile {
  readonly vm: GpuVm;
  /** Where the effects of this file's SVM context are seen. */
  readonly effects = new EffectHub();
  /** Result of the conversion to a compute VM, 0 or a negative errno (Q03). */
  readonly computeResult: number;
  readonly #surroundings: FileDependencies & SvmDependencies;
  #idle: SvmIoctlCall | null;

  constructor(vm: GpuVm, surroundings: FileDependencies, compute: boolean) {
    this.vm = vm;
    // Written out: objects made by spreading have a hidden class each.
    const { process, scope, svmConfigured, revision, driver, device, clock, points, failures, deviceMemory } =
      surroundings;
    this.#surroundings = {
      process,
      scope,
      svmConfigured,
      revision,
      driver,
      device,
      clock,
      effects: this.effects,
      points,
      failures,
      deviceMemory,
    };
    this.#idle = revision.createIoctl();
    this.computeResult = compute ? this.convertToCompute() : 0;
  }

  /** The SVM context of the file; null before the first ioctl that makes it. */
  get context(): SvmContext | null {
    return this.vm.context;
  }

  /** The VM becomes a compute VM, whose last step is to create an SVM context. */
  convertToCompute(): number {
    this.vm.compute = true;
    if (!this.#surroundings.svmConfigured) return 0;
    const isNew = this.vm.context === null;
    const result = this.#createContext();
    if (result === 0 && isNew) this.effects.current?.contextCreated(false);
    return result;
  }

  /**
   * The SVM ioctl. `sleeper` is called with a function when the call has to wait
   * for the svm lock (only possible at a preemption point); without it that is an error.
   */
  svmCall(args: SvmArguments, memory: UserMemory | 'bad' | null, sleeper?: (result: number) => void): number {
    if (!this.#surroundings.svmConfigured) {
      if (this.effects.current !== null) this.#tell(args, memory, -Errno.EOPNOTSUPP);
      return -Errno.EOPNOTSUPP;
    }
    // A call at a preemption point must not use the scratch of the one it interrupts.
    const call = this.#idle ?? this.#surroundings.revision.createIoctl();
    this.#idle = null;
    const result = call.begin(this.vm.context ?? this.#makeContext(), args, memory);
    if (result !== SLEEPING) {
      this.#idle = call;
      if (this.effects.current !== null) this.#tell(args, memory, result);
      return result;
    }
    if (sleeper === undefined) {
      throw new LockAssertionError(
        'the svm lock is held by the interrupted operation; use the asynchronous form to wait for it',
      );
    }
    this.#surroundings.scope.addSleeper({
      resume: () => {
        const resumed = call.resume();
        if (resumed === SLEEPING) return false;
        if (this.effects.current !== null) this.#tell(args, memory, resumed);
        sleeper(resumed);
        return true;
      },
    });
    return SLEEPING;
  }

  /** Close of the SVM context (trace operation `close`). */
  closeContext(): void {
    this.vm.context?.close();
  }

  /** Close and finalisation of the SVM context; says what is left allocated, undefined without a context. */
  finaliseContext(): LeftObjects | undefined {
    const context = this.vm.context;
    if (context === null) return undefined;
    context.finalise();
    return {
      ranges: context.framework.ranges.size,
      attrs: context.tree.size,
      dmaPages: context.device.counters.dmaPages,
    };
  }

  /** Runs the garbage collector's work item if it is queued; says whether it was. */
  runPendingWork(): boolean {
    return this.vm.context?.collector.work.run() ?? false;
  }

  /** Runs all works that are due; says what ran. */
  runDueWork(): ('gc' | 'restore')[] {
    const collector = this.vm.context?.collector;
    if (collector === undefined) return [];
    if (isRestoreWork(collector)) return collector.runDue();
    return collector.work.run() ? ['gc'] : [];
  }

  #makeContext(): SvmContext | number {
    const result = this.#createContext();
    if (result !== 0) return result;
    this.effects.current?.contextCreated(true);
    return this.vm.context!;
  }

  #tell(args: SvmArguments, memory: UserMemory | 'bad' | null, result: number): void {
    this.effects.current?.ioctlAnswered(args, memory === null || memory === 'bad' ? null : memory.bytes, result);
  }

  #createContext(): number {
    return createContext(this.vm, this.#surroundings.process, this.#surroundings);
  }
}

/** Throws `LockAssertionError` where the interrupted operation holds the svm lock of `file`. */
export function needSvmLock(file: EmulatedFile): void {
  if (file.context?.svmLock.held === true)
    throw new LockAssertionError('the svm lock is held by the interrupted operation');
}
