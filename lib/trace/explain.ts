/** The story of a trace in sentences: what each operation did, and the rule that decided it. */
import { errnoName, NOTIFIER_EVENT_NAMES, formatHazard, protectionLetters } from '../../emulator/index.ts';
import type { EventMap, FaultReason, Hazard, MachineEvent } from '../../emulator/index.ts';
import { SvmAttributeType } from '../uapi/constants.ts';
import type { TraceAnswer } from './answer.ts';
import type { TraceOperation } from './operation.ts';
import type { TraceLine } from './parse-trace.ts';
import { TraceRunner } from './runner.ts';

const FAULT_RULES: Readonly<Record<FaultReason, string>> = {
  mapped: 'its range was mapped (spec 05 §5 step 9)',
  'already-valid': 'its range is mapped as it should be (spec 05 §5 step 6)',
  'recently-mapped': 'its range was mapped less than 2 ms ago, so nothing is done (spec 05 §5 step 4, Q57)',
  stale: 'it is not younger than the checkpoint of an unmap, so it is dropped (spec 05 §3)',
  'no-vma': 'nothing is mapped there in the process, and the GPU is told to retry (spec 05 §4, §5 step 3, Q54)',
  'pages-unavailable': 'the pages of its range could not be collected, and the GPU is told to retry (spec 05 §5 step 7, Q55)',
  closing: 'the context is closing, so the access is killed (spec 05 §2 step 2, Q61)',
  'no-context': 'there is no SVM context for this PASID, so the access is killed (spec 05 §2 step 1)',
  'vma-refused': 'an I/O, PFN or mixed mapping is refused without an interval (spec 05 §4)',
  'no-permission': 'the mapping does not permit it, so the access is killed (spec 05 §5.1)',
  'no-range': 'no GPU range could be made there (spec 05 §5 step 3)',
  'no-memory': 'an allocation failed, so the access is killed (spec 05 §7, Q62)',
  'collector-failed': 'the collection before it failed, so the access is killed (spec 05 §5 step 1)',
  'pages-not-writable': 'a page of its range is not writable, so the access is killed (spec 05 §5 step 7, Q52)',
  'commit-failed': 'the page tables could not be written, so the access is killed (spec 05 §5 step 8, Q61)',
};

const TYPE_NAMES = Object.fromEntries(Object.entries(SvmAttributeType).map(([name, type]) => [type, name]));

/** Runs a trace on a fresh machine and hands its story to `tell`, line by line. */
export function explainTrace(lines: readonly TraceLine[], tell: (line: string) => void): void {
  let events: MachineEvent[] = [];
  let hazards: readonly Hazard[] = [];
  const runner = new TraceRunner((machine) => {
    machine.onAny((event) => events.push(event));
    hazards = machine.watchHazards().hazards;
  });
  let told = 0;
  lines.forEach((line, index) => {
    if (index > 0) runner.machine.watchHazards().operation = index + 1;
    let answer: TraceAnswer;
    try {
      answer = runner.execute(line.operation);
    } catch (error) {
      answer = { fatal: error instanceof Error ? error.message : String(error) };
    }
    tell(`${index + 1}. ${operationSentence(line.operation)}${answerText(answer)}`);
    for (const sentence of eventSentences(events)) tell(`   ${sentence}`);
    for (const hazard of hazards.slice(told)) tell(`   ! ${formatHazard(hazard)}`);
    told = hazards.length;
    events = [];
  });
}

function place(operation: { readonly address: bigint; readonly size?: bigint }): string {
  const { address, size } = operation;
  return size === undefined ? `0x${address.toString(16)}` : `${bytes(size)} at 0x${address.toString(16)}`;
}

/** "2 MiB", "12 KiB", "5 bytes". */
export function bytes(size: bigint): string {
  if (size >= 1n << 30n && size % (1n << 30n) === 0n) return `${size >> 30n} GiB`;
  if (size >= 1n << 20n && size % (1n << 20n) === 0n) return `${size >> 20n} MiB`;
  return size >= 1024n && size % 1024n === 0n ? `${size >> 10n} KiB` : `${size} bytes`;
}

function operationSentence(operation: TraceOperation): string {
  const inject = operation.inject === undefined ? '' : ` (while another thread does ${operation.inject.map(({ at, operation: other }) => `${other.name} at ${at}`).join(', ')})`;
  return sentence(operation) + inject;
}

function sentence(operation: TraceOperation): string {
  switch (operation.name) {
    case 'config':
      return `A machine with GC ${operation.config.gc}${operation.config.lazy ? ' opens its render node without making the VM a compute VM' : ' opens its render node; the VM becomes a compute VM'}`;
    case 'mmap':
      return `The process maps ${place(operation)}, ${protectionLetters(operation.protection)}, ${operation.kind}`;
    case 'munmap':
      return `The process unmaps ${place(operation)}`;
    case 'dontneed':
      return `The process gives back ${place(operation)} (MADV_DONTNEED)`;
    case 'mprotect':
      return `The process protects ${place(operation)} as ${protectionLetters(operation.protection)}`;
    case 'touch':
      return `The CPU ${operation.write ? 'writes' : 'reads'} each page of ${place(operation)}`;
    case 'set':
      return `SET_ATTR on ${place(operation)}: ${operation.attributes.map(([type, value]) => `${TYPE_NAMES[type] ?? type} = ${value}`).join(', ')}`;
    case 'get':
      return `GET_ATTR on ${place(operation)}: ${operation.types.map((type) => TYPE_NAMES[type] ?? type).join(', ')}`;
    case 'ioctl':
      return `A raw SVM ioctl, operation ${operation.operation}, on ${place(operation)}`;
    case 'fault':
      return `The GPU faults at ${place(operation)} for ${operation.write ? 'writing' : 'reading'}`;
    case 'access':
      return `The GPU ${operation.write ? 'writes' : 'reads'} ${place(operation)}`;
    case 'advance':
      return `${operation.nanoseconds / 1_000_000} ms pass`;
    case 'ih':
      return `Interrupt ring ${operation.ring} ${operation.pending ? `holds a fault of time ${operation.timestamp}` : 'is empty'}`;
    case 'gc':
      return 'The garbage collector gets its turn';
    case 'close':
      return 'The SVM context is closed';
    case 'fini':
      return 'The SVM context is closed and finalised';
    case 'mmexit':
      return 'The process exits';
    case 'pteflags':
      return 'PTE flags are computed';
    case 'dump':
      return 'The state is looked at';
  }
}

function answerText(answer: TraceAnswer): string {
  if ('fatal' in answer) return `: ${String(answer['fatal'])}`;
  const ret = answer['ret'];
  if (typeof ret !== 'number' || ret === 0) return '.';
  return `: ${errnoName(ret) ?? ret}.`;
}

/** What the driver did, in its order; neighbours of one kind become one sentence. */
function eventSentences(events: readonly MachineEvent[]): string[] {
  const sentences: string[] = [];
  let last: { name: string; count: number; size: bigint; address: bigint; text: (count: number, where: string) => string } | undefined;
  const flush = (): void => {
    if (last !== undefined) sentences.push(last.text(last.count, `${bytes(last.size)} at 0x${last.address.toString(16)}`));
    last = undefined;
  };
  for (const { name, event } of events) {
    const merged = MERGED[name];
    if (merged !== undefined && 'size' in event) {
      if (last?.name === name && last.address + last.size === event.address) {
        last.count++;
        last.size += event.size;
        continue;
      }
      flush();
      last = { name, count: 1, size: event.size, address: event.address, text: merged };
      continue;
    }
    flush();
    const told = eventSentence({ name, event } as MachineEvent);
    if (told !== undefined) sentences.push(told);
  }
  flush();
  return sentences;
}

const MERGED: Partial<Record<keyof EventMap, (count: number, where: string) => string>> = {
  'range-inserted': (count, where) => `${count === 1 ? 'A GPU range is' : `${count} GPU ranges are`} made: ${where} (spec 03 §A.6, §A.7).`,
  'range-removed': (count, where) => `${count === 1 ? 'A GPU range is' : `${count} GPU ranges are`} removed: ${where} (spec 03 §A.11).`,
  'ptes-written': (_count, where) => `PTEs are written: ${where} (spec 03 §B.7).`,
  'ptes-zapped': (_count, where) => `PTEs are cleared: ${where} (spec 04 §3.3).`,
  'dma-mapped': (_count, where) => `Pages are collected and DMA-mapped: ${where} (spec 03 §A.8).`,
  'dma-unmapped': (_count, where) => `The DMA mapping goes, always of whole ranges: ${where} (spec 03 §A.10).`,
  'collection-queued': (count, where) => `${count === 1 ? 'A range is' : `${count} ranges are`} queued for the collector: ${where} (spec 04 §5.2).`,
  collected: (count, where) => `${count === 1 ? 'A range is' : `${count} ranges are`} collected: ${where} (spec 04 §6.1).`,
};

function eventSentence({ name, event }: MachineEvent): string | undefined {
  switch (name) {
    case 'fault':
      return `Fault at 0x${event.address.toString(16)}: ${FAULT_RULES[event.reason]}${event.cause === 0 ? '' : ` [${errnoName(event.cause) ?? event.cause}]`}.`;
    case 'attributes-changed':
      return `Attributes of ${place(event)} ${event.kind === 'faulted-in' ? 'are set by the fault (spec 05 §4, Q28)' : event.kind === 'inserted' ? 'get an interval (spec 02 §4.5)' : 'change (spec 02 §4.6)'}, trigger 0x${event.trigger.toString(16)}.`;
    case 'attribute-split':
      return `The interval of ${bytes(event.oldSize)} at 0x${event.oldAddress.toString(16)} is split (spec 02 §4.6).`;
    case 'prefetch':
      return `The interval is mapped on the GPU: ${event.result === 0 ? 'done' : (errnoName(event.result) ?? event.result)} (spec 03 §B.8).`;
    case 'retry':
      return event.of === 'set' ? 'SET_ATTR begins again (spec 02 §4.7).' : `The fault handler tries again after ${errnoName(event.cause) ?? event.cause} (spec 05 §5, §6).`;
    case 'notifier-called':
      return `The notifier is told: ${NOTIFIER_EVENT_NAMES.includes(event.kind) ? event.kind : 'event'} of ${place(event)} (spec 04 §3).`;
    case 'notifier-inserted':
      return `A notifier for ${place(event)} is registered (spec 03 §A.4).`;
    case 'notifier-removed':
      return `The notifier for ${place(event)} is removed (spec 03 §A.4).`;
    case 'tlb-flushed':
      return 'The TLB is flushed (spec 06 §8).';
    case 'zap-failed':
      return `The page tables refuse to clear PTEs: ${place(event)} (spec 03 §B.5).`;
    case 'commit-failed':
      return `The commit fails with ${errnoName(event.result) ?? event.result}: ${place(event)} (spec 03 §B.7).`;
    case 'context-created':
      return 'The VM gets an SVM context (spec 06 §2).';
    case 'context-finalised':
      return 'The SVM context is gone; PTEs stay (spec 06 §6.2).';
    default:
      return undefined;
  }
}
