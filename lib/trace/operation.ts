/** Operations of the trace format, parsed and checked (spec/trace-format §3, §8). */
import { protectionOfLetters } from '../uapi/protection.ts';
import { PREEMPTION_POINTS, VMA_KINDS } from '../../emulator/index.ts';
import type { AttributePair, SvmCall } from '../uapi/call.ts';
import type { PreemptionPoint, VmaKind } from '../../emulator/index.ts';
import { Fields } from './fields.ts';
import { parseConfig } from './config.ts';
import type { TraceConfig } from './config.ts';
import { TraceFormatError } from './trace-error.ts';

/** An operation to run at a preemption point of another one. */
export interface TraceInjection {
  readonly at: PreemptionPoint;
  /** At which passing of the point, from 1. */
  readonly nth: number;
  readonly operation: TraceOperation;
}

interface Interval {
  readonly address: bigint;
  readonly size: bigint;
}

/** One operation; sizes and addresses in bytes. */
export type TraceOperation = { readonly inject?: readonly TraceInjection[] } & (
  | { readonly name: 'config'; readonly config: TraceConfig }
  | ({ readonly name: 'mmap'; readonly protection: number; readonly kind: VmaKind } & Interval)
  | ({ readonly name: 'munmap' | 'dontneed' } & Interval)
  | ({ readonly name: 'mprotect'; readonly protection: number } & Interval)
  | ({ readonly name: 'touch'; readonly write: boolean } & Interval)
  | ({ readonly name: 'set'; readonly attributes: readonly AttributePair[] } & Interval)
  | ({ readonly name: 'get'; readonly types: readonly number[] } & Interval)
  | ({ readonly name: 'ioctl' } & SvmCall)
  | {
      readonly name: 'fault';
      readonly address: bigint;
      readonly write: boolean;
      readonly pasid?: number;
      readonly timestamp?: number;
    }
  | ({ readonly name: 'access'; readonly write: boolean; readonly timestamp?: number } & Interval)
  | { readonly name: 'advance'; readonly nanoseconds: number }
  | { readonly name: 'ih'; readonly ring: 'ih1' | 'soft'; readonly pending: boolean; readonly timestamp: number }
  | { readonly name: 'pteflags'; readonly config: TraceConfig; readonly flags: number; readonly readOnly: boolean }
  | { readonly name: 'gc' | 'close' | 'fini' | 'mmexit' | 'dump' }
);

export type OperationName = TraceOperation['name'];

const TIMESTAMP_MASK = 2n ** 48n - 1n;
const POINTERS = ['null', 'bad', 'ro', 'ok'] as const;

/** Parses `{"NAME": {fields}}`; throws TraceFormatError. */
export function parseOperation(value: unknown): TraceOperation {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TraceFormatError('expected an object {"OPERATION": {...}}');
  }
  const names = Object.keys(value);
  const [name] = names;
  if (name === undefined || names.length !== 1) {
    throw new TraceFormatError(
      `expected one operation in an object, got ${names.length === 0 ? 'none' : names.join(', ')}`,
    );
  }
  const fields = new Fields(name, (value as Record<string, unknown>)[name]);
  const parse = Object.hasOwn(PARSERS, name) ? PARSERS[name as OperationName] : undefined;
  if (parse === undefined) {
    throw new TraceFormatError(`unknown operation ${JSON.stringify(name)}; known: ${Object.keys(PARSERS).join(', ')}`);
  }
  const operation = parse(fields);
  return fields.has('inject') ? { ...operation, inject: parseInjections(fields) } : operation;
}

function parseInjections(fields: Fields): TraceInjection[] {
  return fields.list('inject').map((entry) => {
    const injection = new Fields(`${fields.operation}.inject`, entry);
    injection.only('at', 'nth', 'do');
    return {
      at: injection.word('at', PREEMPTION_POINTS),
      nth: injection.has('nth') ? injection.count('nth') : 1,
      operation: parseOperation(injection.raw('do')),
    };
  });
}

function interval(fields: Fields, size: 'len' | 'size'): Interval {
  return { address: fields.u64('addr'), size: fields.u64(size) };
}

function protection(fields: Fields): number {
  const letters = fields.text('prot');
  const bits = protectionOfLetters(letters);
  if (bits === undefined)
    throw new TraceFormatError(`${fields.operation}.prot: expected letters r, w, x or "-", got "${letters}"`);
  return bits;
}

function timestamp(fields: Fields): { timestamp?: number } {
  // The modelled code looks at the lower 48 bits only.
  return fields.has('ts') ? { timestamp: Number(fields.u64('ts') & TIMESTAMP_MASK) } : {};
}

function memoryChange(name: 'munmap' | 'dontneed'): (fields: Fields) => TraceOperation {
  return (fields) => {
    fields.only('addr', 'len', 'inject');
    return { name, ...interval(fields, 'len') };
  };
}

function bare(name: 'gc' | 'close' | 'fini' | 'mmexit' | 'dump'): (fields: Fields) => TraceOperation {
  return (fields) => {
    fields.only('inject');
    return { name };
  };
}

const PARSERS: { readonly [Name in OperationName]: (fields: Fields) => TraceOperation } = {
  config: (fields) => ({ name: 'config', config: parseConfig(fields) }),
  mmap: (fields) => {
    fields.only('addr', 'len', 'prot', 'kind', 'inject');
    return {
      name: 'mmap',
      ...interval(fields, 'len'),
      protection: protection(fields),
      kind: fields.word('kind', VMA_KINDS),
    };
  },
  munmap: memoryChange('munmap'),
  dontneed: memoryChange('dontneed'),
  mprotect: (fields) => {
    fields.only('addr', 'len', 'prot', 'inject');
    return { name: 'mprotect', ...interval(fields, 'len'), protection: protection(fields) };
  },
  touch: (fields) => {
    fields.only('addr', 'len', 'write', 'inject');
    return { name: 'touch', ...interval(fields, 'len'), write: fields.boolean('write') };
  },
  set: (fields) => {
    fields.only('addr', 'size', 'attrs', 'inject');
    return { name: 'set', ...interval(fields, 'size'), attributes: fields.pairs('attrs') };
  },
  get: (fields) => {
    fields.only('addr', 'size', 'types', 'inject');
    return { name: 'get', ...interval(fields, 'size'), types: fields.u32List('types') };
  },
  ioctl: (fields) => {
    fields.only('op', 'addr', 'size', 'nattr', 'ptr', 'attrs', 'inject');
    return {
      name: 'ioctl',
      ...interval(fields, 'size'),
      operation: fields.count('op', 0xffff_ffff),
      attributeCount: fields.count('nattr', 0xffff_ffff),
      pointer: fields.has('ptr') ? fields.word('ptr', POINTERS) : 'ok',
      attributes: fields.has('attrs') ? fields.pairs('attrs') : [],
    };
  },
  fault: (fields) => {
    fields.only('addr', 'write', 'pasid', 'ts', 'inject');
    return {
      name: 'fault',
      address: fields.u64('addr'),
      write: fields.boolean('write'),
      ...(fields.has('pasid') ? { pasid: fields.count('pasid') } : {}),
      ...timestamp(fields),
    };
  },
  access: (fields) => {
    fields.only('addr', 'len', 'write', 'ts', 'inject');
    return { name: 'access', ...interval(fields, 'len'), write: fields.boolean('write'), ...timestamp(fields) };
  },
  advance: (fields) => {
    fields.only('ns', 'inject');
    return { name: 'advance', nanoseconds: fields.count('ns') };
  },
  ih: (fields) => {
    fields.only('ring', 'pending', 'ts', 'inject');
    return {
      name: 'ih',
      ring: fields.word('ring', ['ih1', 'soft']),
      pending: fields.boolean('pending'),
      timestamp: fields.has('ts') ? fields.count('ts') : 0,
    };
  },
  pteflags: (fields) => ({
    name: 'pteflags',
    config: parseConfig(fields, ['flags', 'readOnly']),
    flags: fields.count('flags', 0xff),
    readOnly: fields.boolean('readOnly'),
  }),
  gc: bare('gc'),
  close: bare('close'),
  fini: bare('fini'),
  mmexit: bare('mmexit'),
  dump: bare('dump'),
};
