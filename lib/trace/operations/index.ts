/** The operations of the trace format (spec/trace-format §3, §8), and what they are together. */
import type { JournalEntry, PreemptionPoint } from '../../../emulator/index.ts';
import type { TraceEffect } from '../effects/form.ts';
import type { TraceFailure } from '../format/failures.ts';
import type { BareAnswer, OperationDescriptor, OperationHead, OperationObject } from './descriptor.ts';
import { bomap, bounmap } from './buffer-objects.ts';
import { advance, close, fini, gc, kfd, work } from './driver.ts';
import { load, pin, store, unpin } from './contents.ts';
import { access, fault, gpureset, ih } from './gpu.ts';
import { dontneed, mmap, mmexit, mprotect, munmap, touch } from './memory.ts';
import { childexit, childwrite, collapse, fork, mlock, mremap, munlock, swapout } from './reclaim.ts';
import { config, dump, pteflags } from './state.ts';
import { get, ioctl, reset, set } from './svm-calls.ts';
import { evict, vram, vramfree } from './vram.ts';

/** By name, in the order in which people are offered them. */
export const OPERATIONS = {
  config,
  mmap,
  munmap,
  mprotect,
  dontneed,
  mremap,
  mlock,
  munlock,
  swapout,
  collapse,
  fork,
  childwrite,
  childexit,
  touch,
  store,
  load,
  pin,
  unpin,
  access,
  fault,
  set,
  get,
  reset,
  ioctl,
  bomap,
  bounmap,
  evict,
  vram,
  vramfree,
  advance,
  ih,
  gpureset,
  gc,
  work,
  kfd,
  close,
  fini,
  mmexit,
  pteflags,
  dump,
} as const;

type Operations = typeof OPERATIONS;
export type OperationName = keyof Operations;
type FieldsOf<Name extends OperationName> = ReturnType<Operations[Name]['parse']>;
type AnswerOf = { [Name in OperationName]: ReturnType<Operations[Name]['perform']> }[OperationName];

/** An operation to run at a preemption point of another one. */
export interface TraceInjection {
  readonly at: PreemptionPoint;
  /** At which passing of the point, from 1. */
  readonly nth: number;
  readonly operation: TraceOperation;
}

/** One operation; sizes and addresses in bytes. */
export type TraceOperation = {
  readonly inject?: readonly TraceInjection[];
  readonly fail?: readonly TraceFailure[];
} & { [Name in OperationName]: Readonly<FieldsOf<Name>> }[OperationName];

type KeysOf<Union> = Union extends unknown ? keyof Union : never;
type ValueOf<Union, Key> = Union extends unknown ? (Key extends keyof Union ? Union[Key] : never) : never;

/** The answer of any operation: what one of them may have, others have not. */
export type TraceAnswer = { readonly [Key in KeysOf<AnswerOf>]?: ValueOf<AnswerOf, Key> } & {
  /** Effects in their order; an answer inside `inj` has none. */
  readonly fx?: readonly TraceEffect[];
  readonly inj?: readonly InjectedAnswer[];
  /** What the emulator refused by name, instead of an answer. */
  readonly fatal?: string;
  /** What was wrong with the line, instead of an answer. */
  readonly error?: string;
};

/** What became of an operation at a preemption point. */
export type InjectedAnswer = TraceAnswer & {
  readonly at: PreemptionPoint;
  readonly op: string;
  /** False: the operation never came there. */
  readonly fired?: false;
  /** True: it would have needed a lock that is held. */
  readonly blocked?: true;
  readonly slept?: true;
};

/** An operation's descriptor, for who goes by its name. */
export type AnyDescriptor = OperationDescriptor<OperationName, OperationHead<OperationName>, BareAnswer>;

// A map, since one of forty properties that is found by its name takes as long as a small operation.
const BY_NAME: ReadonlyMap<string, AnyDescriptor> = new Map(
  Object.entries(OPERATIONS) as unknown as [string, AnyDescriptor][],
);

/** The descriptor of an operation. */
export function descriptorOf(name: OperationName): AnyDescriptor {
  return BY_NAME.get(name)!;
}

/** Whether there is an operation of that name. */
export function isOperationName(name: string): name is OperationName {
  return BY_NAME.has(name);
}

/** A journal entry as operation and answer, without effects. */
export function recordedEntry(entry: JournalEntry): { operation: OperationObject; answer: TraceAnswer } {
  return descriptorOf(entry.name).record!(entry as never) as { operation: OperationObject; answer: TraceAnswer };
}
