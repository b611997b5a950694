/**
 * What is particular about one operation of the trace format, in one object: how it is read, carried out, written
 * down from the journal of a machine, told in words and composed by hand. A new operation is one such object
 * in a file of this folder, and its line in index.ts.
 */
import type {
  EmulatedDevice,
  EmulatedFile,
  EmulatedMachine,
  JournalEntry,
  MachineEvent,
} from '../../../emulator/index.ts';
import type { AnswerOutput } from '../format/answer-text.ts';
import type { Fields } from '../format/fields.ts';
import type { OperationForm } from './form.ts';

/** What an operation runs on. */
export interface TraceSubject {
  readonly machine: EmulatedMachine;
  /** The GPU that the operation names, and its open file. */
  readonly device: EmulatedDevice;
  readonly file: EmulatedFile;
}

/** What every answer of an operation has. */
export interface BareAnswer {
  /** 0 or a negative errno. */
  readonly ret: number;
}

/** `{"NAME": {fields}}` */
export type OperationObject = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Says whether an event of that name came during the operation. */
export type EventQuestion = (name: MachineEvent['name']) => boolean;

/** What every operation has. */
export interface OperationHead<Name extends string> {
  readonly name: Name;
  /** Number of the GPU that it is about; 0 where it is about none. */
  readonly gpu: number;
}

/** One operation of the format; `Operation` are its fields as they were read, `Answer` is its answer without effects. */
export interface OperationDescriptor<
  Name extends string,
  Operation extends OperationHead<Name>,
  Answer extends BareAnswer,
> {
  readonly name: Name;
  /** True: it is about one GPU and may carry `gpu`. */
  readonly perGpu?: boolean;
  /**
   * Reads and checks the fields; throws TraceFormatError. It makes the whole operation, written out: an object to which
   * each of forty shapes is copied takes longer than all else of this.
   */
  parse(fields: Fields): Operation;
  /** The lock for which it would have to wait at a preemption point; 'svm-lock-asleep': it sleeps there instead of being blocked. */
  readonly needs?: 'mmap-lock' | 'svm-lock' | 'svm-lock-asleep';
  /** How it comes into the driver: a call on the file, a fault of the GPU, a work of the context, or the end of the context. */
  readonly enters?: 'ioctl' | 'fault' | 'work' | 'end';
  /** Carries it out; `wake` gets the answer of one that sleeps first. */
  perform(subject: TraceSubject, operation: Operation, wake?: (answer: Answer) => void): Answer;
  /**
   * Writes the answer without its closing bracket, of an operation that changes nothing: where it is only compared with a
   * recorded one, nothing needs to be built.
   */
  write?(output: AnswerOutput, subject: TraceSubject): void;
  /** A journal entry of this name as a line of a recording. Operations without it are not journalled. */
  record?(entry: JournalEntry & { name: Name }): {
    readonly operation: OperationObject;
    readonly answer: BareAnswer;
  };
  /** What is done, as the start of a sentence. */
  sentence(operation: Operation): string;
  /** The rule behind a refusal with that negative errno, if operation and errno tell which one it was. */
  refusal?(operation: Operation, errno: number): string | undefined;
  /** What the events alone do not say of an operation that was not refused. */
  outcome?(operation: Operation, answer: Answer, met: EventQuestion): readonly string[];
  /** Few words for a list, after the pages that it is about. */
  label?(operation: Operation): string;
  /** How it is composed by hand. */
  readonly form?: OperationForm;
}

/** Lets TypeScript find out what `parse` and `perform` return. */
export function defineOperation<
  const Name extends string,
  Operation extends OperationHead<Name>,
  Answer extends BareAnswer,
>(descriptor: OperationDescriptor<Name, Operation, Answer>): OperationDescriptor<Name, Operation, Answer> {
  return descriptor;
}
