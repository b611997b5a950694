/** Runs the operations of a trace on an emulated machine (spec/trace-format §3, §8). */
import { MAX_ATTRIBUTES_PER_CALL, SvmOperation } from '../uapi/constants.ts';
import { svmArguments } from '../uapi/call.ts';
import type { AttributePair, SvmCall } from '../uapi/call.ts';
import { encodeAttributePairs } from '../uapi/codec.ts';
import { contextSnapshot, EmulatedMachine, NotModelledError, pteFlags, parseGcVersion } from '../../emulator/index.ts';
import type { EmulatedDevice, EmulatedFile, PreemptionPoint } from '../../emulator/index.ts';
import { accessAnswer, dumpAnswer, touchAnswer } from './answer.ts';
import type { TraceAnswer } from './answer.ts';
import { DEFAULT_CONFIG, machineOptions, MOST_PAGES } from './config.ts';
import type { TraceConfig } from './config.ts';
import { EffectRecorder } from './effect-recorder.ts';
import type { TraceEffect } from './effect-recorder.ts';
import { hex } from './hex.ts';
import type { TraceInjection, TraceOperation } from './operation.ts';

/** No errno: the operation sleeps and answers later. */
const ASLEEP = 1;

/** One machine that executes operations one after the other. */
export class TraceRunner {
  #machine!: EmulatedMachine;
  #device!: EmulatedDevice;
  #file!: EmulatedFile;
  #effects!: EffectRecorder;
  #started = false;
  readonly #prepare: ((machine: EmulatedMachine) => void) | undefined;

  /** `prepare` sees the machine when it is made, before its file is opened. */
  constructor(prepare?: (machine: EmulatedMachine) => void) {
    this.#prepare = prepare;
  }

  /** The machine that the operations run on. */
  get machine(): EmulatedMachine {
    if (!this.#started) this.#start(DEFAULT_CONFIG);
    return this.#machine;
  }

  /** The open file that the operations go to. */
  get file(): EmulatedFile {
    if (!this.#started) this.#start(DEFAULT_CONFIG);
    return this.#file;
  }

  /** Executes one operation and returns its whole answer, effects included. */
  execute(operation: TraceOperation): TraceAnswer {
    if (operation.name === 'config') return this.#start(operation.config);
    if (!this.#started) this.#start(DEFAULT_CONFIG);
    const injections = operation.inject ?? [];
    if (injections.length === 0) return withEffects(this.#within(this.#perform(operation)), this.#effects.take());
    const inject = new Injections(injections, this.#machine, this.#file, this.#effects, (nested, wake) =>
      this.#perform(nested, wake),
    );
    const stop = inject.start();
    let answer: TraceAnswer;
    try {
      // The scope makes one operation of it, so that sleeping calls go on before the answer is complete.
      answer = this.#machine.scope.run(() => this.#perform(operation));
    } finally {
      stop();
    }
    return { ...this.#within(answer), inj: inject.answers(), fx: this.#effects.take() };
  }

  /** The answer of a machine whose memory has ended is not one that a recording could have. */
  #within<Answer extends TraceAnswer>(answer: Answer): Answer {
    if (this.#machine.pageLimitReached)
      throw new NotModelledError(`more than ${MOST_PAGES} pages in the page tables of a trace`);
    return answer;
  }

  #start(config: TraceConfig): TraceAnswer {
    this.#machine = new EmulatedMachine(machineOptions(config));
    this.#prepare?.(this.#machine);
    this.#device = this.#machine.devices[0]!;
    this.#file = this.#device.openFile({ compute: !config.lazy });
    this.#effects = new EffectRecorder((index) => this.#device.gpu.pteFlags.value(index));
    this.#file.effects.add(this.#effects);
    this.#started = true;
    return {
      ret: this.#file.computeResult,
      pasid: hex(this.#file.vm.pasid),
      xnack: this.#file.context !== null,
      fx: [],
    };
  }

  /** Performs an operation without its effects; `wake` gets the answer of one that sleeps first. */
  #perform(operation: TraceOperation, wake?: (answer: TraceAnswer) => void): Record<string, unknown> {
    const { calls } = this.#machine.process;
    switch (operation.name) {
      case 'config':
        throw new Error('config can only stand at the start of a trace');
      case 'mmap':
        return { ret: calls.mmap(operation.address, operation.size, operation.protection, operation.kind) };
      case 'munmap':
        return { ret: calls.munmap(operation.address, operation.size) };
      case 'dontneed':
        return { ret: calls.dontneed(operation.address, operation.size) };
      case 'mprotect':
        return { ret: calls.mprotect(operation.address, operation.size, operation.protection) };
      case 'touch':
        return touchAnswer(calls.touch(operation.address, operation.size, operation.write));
      case 'mmexit':
        calls.exit();
        return { ret: 0 };
      case 'set': {
        const { address, size, attributes } = operation;
        return this.#ioctl(
          {
            operation: SvmOperation.setAttributes,
            address,
            size,
            attributeCount: attributes.length,
            pointer: 'ok',
            attributes,
          },
          wake,
        );
      }
      case 'get': {
        const { address, size, types } = operation;
        const attributes = types.map((type): AttributePair => [type, 0]);
        return this.#ioctl(
          {
            operation: SvmOperation.getAttributes,
            address,
            size,
            attributeCount: types.length,
            pointer: 'ok',
            attributes,
          },
          wake,
        );
      }
      case 'ioctl':
        return this.#ioctl(operation, wake);
      case 'fault': {
        const ret = this.#machine.scope.run(() =>
          this.#device.raiseFault(operation, wake === undefined ? undefined : (result) => wake({ ret: result })),
        );
        return { ret };
      }
      case 'access':
        return accessAnswer(this.#device.access({ ...operation, file: this.#file }));
      case 'gc':
        return { ret: 0, ran: this.#device.runPendingWork(this.#file) };
      case 'advance':
        this.#machine.clock.advance(operation.nanoseconds);
        return { ret: 0, clock: hex(this.#machine.clock.now) };
      case 'ih':
        this.#device.setInterruptRing(operation.ring, operation.pending, operation.timestamp);
        return { ret: 0 };
      case 'close':
        this.#device.closeContext(this.#file);
        return { ret: 0 };
      case 'fini': {
        const left = this.#device.finaliseContext(this.#file);
        return left === undefined ? { ret: 0 } : { ret: 0, left };
      }
      case 'pteflags': {
        const { config, flags, readOnly } = operation;
        const format = { ...config, gc: parseGcVersion(config.gc) };
        return { ret: 0, ptes: hex(pteFlags(format, flags, readOnly)) };
      }
      case 'dump':
        return dumpAnswer(contextSnapshot(this.#device, this.#file));
    }
  }

  #ioctl(call: SvmCall, wake?: (answer: TraceAnswer) => void): Record<string, unknown> {
    const { attributes, attributeCount } = call;
    // The caller's buffer holds the records padded with [0, 0]; beyond 64 the kernel never looks.
    const bytes = encodeAttributePairs(attributes, Math.min(attributeCount, MAX_ATTRIBUTES_PER_CALL + 1));
    const memory =
      call.pointer === 'null' ? null : call.pointer === 'bad' ? 'bad' : { bytes, readOnly: call.pointer === 'ro' };
    const complete = (result: number): Record<string, unknown> => {
      if (result !== 0 || call.operation !== SvmOperation.getAttributes) return { ret: result };
      const view = new DataView(bytes.buffer);
      return {
        ret: result,
        values: Array.from({ length: attributeCount }, (_, index) => view.getUint32(index * 8 + 4, true)),
      };
    };
    const args = svmArguments(call);
    const sleeper = wake === undefined ? undefined : (result: number): void => wake(complete(result));
    return complete(this.#machine.scope.run(() => this.#file.svmCall(args, memory, sleeper)));
  }
}

/** Completes an answer of its own; made with a spread, each would be copied by the slow path that serves every shape. */
function withEffects(answer: Record<string, unknown>, effects: readonly TraceEffect[]): TraceAnswer {
  answer['fx'] = effects;
  return answer;
}

/** Operations that run as a thread of their own, which sleeps where it needs the svm lock. */
const THREADS = new Set(['set', 'get', 'ioctl', 'fault']);
const NEED_MMAP_LOCK = new Set(['mmap', 'munmap', 'mprotect', 'mmexit']);
const NEED_SVM_LOCK = new Set(['gc', 'access', 'close', 'fini']);

/** The injected operations of one operation. */
class Injections {
  readonly #entries: readonly TraceInjection[];
  readonly #answers: TraceAnswer[];
  readonly #machine: EmulatedMachine;
  readonly #file: EmulatedFile;
  readonly #effects: EffectRecorder;
  readonly #perform: (operation: TraceOperation, wake: (answer: TraceAnswer) => void) => TraceAnswer;
  #running = false;

  constructor(
    entries: readonly TraceInjection[],
    machine: EmulatedMachine,
    file: EmulatedFile,
    effects: EffectRecorder,
    perform: (operation: TraceOperation, wake: (answer: TraceAnswer) => void) => TraceAnswer,
  ) {
    this.#entries = entries;
    this.#machine = machine;
    this.#file = file;
    this.#effects = effects;
    this.#perform = perform;
    this.#answers = entries.map((entry) => ({ at: entry.at, op: entry.operation.name, fired: false }));
  }

  /** Begins to listen at the preemption points; the returned function ends it. */
  start(): () => void {
    const stop = this.#machine.scope.addHook((point, pass) => this.#onPoint(point, pass));
    const unobserve = this.#machine.scope.addObserver({
      // Marked where the injection is made: one that is refused at once shows too.
      nestedBegin: () => undefined,
      nestedEnd: () => undefined,
      resumeBegin: () => this.#effects.mark('inject', '(resumed)'),
      resumeEnd: () => this.#effects.mark('inject-end'),
    });
    return () => {
      stop();
      unobserve();
    };
  }

  answers(): readonly TraceAnswer[] {
    return this.#answers;
  }

  #onPoint(point: PreemptionPoint, pass: number): void {
    for (let index = 0; index < this.#entries.length; index++) {
      const entry = this.#entries[index]!;
      if (entry.at === point && entry.nth === pass) this.#answers[index] = this.#inject(entry, index);
    }
  }

  #inject(entry: TraceInjection, index: number): TraceAnswer {
    const { at, operation } = entry;
    const head = { at, op: operation.name };
    if (this.#blocks(operation)) return { ...head, blocked: true };
    this.#effects.mark('inject', at);
    this.#running = true;
    let answer: TraceAnswer;
    try {
      answer = this.#perform(operation, (late) => {
        this.#answers[index] = { ...head, slept: true, ...late };
      });
    } finally {
      this.#running = false;
      this.#effects.mark('inject-end');
    }
    return answer['ret'] === ASLEEP ? { ...head, slept: true } : { ...head, ...answer };
  }

  /** Whether the operation would need a lock that is held, or a second thread runs or sleeps already. */
  #blocks(operation: TraceOperation): boolean {
    if (this.#running || this.#machine.scope.sleepers > 0) return true;
    if (NEED_MMAP_LOCK.has(operation.name)) return this.#machine.process.space.mmapLock.held;
    if (NEED_SVM_LOCK.has(operation.name)) return this.#file.context?.svmLock.held ?? false;
    return !THREADS.has(operation.name) && operation.name === 'config';
  }
}
