/** SVM ioctls: SET and GET with a good pointer, and any call as it is (spec/trace-format §3). */
import { svmArguments } from '../../uapi/call.ts';
import type { AttributePair, SvmCall } from '../../uapi/call.ts';
import { attributeValueAt, encodeAttributePairs } from '../../uapi/codec.ts';
import { MAX_ATTRIBUTES_PER_CALL, SvmOperation } from '../../uapi/constants.ts';
import { attributeName, attributesText } from '../../words/attributes.ts';
import { rawCallRefusal, svmRefusal } from '../../words/refusals.ts';
import { bytesAt } from '../../words/sizes.ts';
import { hex } from '../format/hex.ts';
import { defineOperation } from './descriptor.ts';
import type { BareAnswer, OperationObject, TraceSubject } from './descriptor.ts';
import { FIELDS } from './form.ts';

/** The answer of an ioctl. */
export interface CallAnswer extends BareAnswer {
  /** The values of the records after a good GET. */
  readonly values?: readonly number[];
}

/** The operation of an ioctl: `set`, `get` or `reset` where these can express it, else the raw form. */
export function operationOfCall(call: SvmCall): OperationObject {
  const { attributes } = call;
  const place = { addr: hex(call.address), size: hex(call.size) };
  if (call.operation === SvmOperation.resetAttributes && call.pointer === 'null' && call.attributeCount === 0)
    return { reset: place };
  if (call.pointer === 'ok' && attributes.length === call.attributeCount && attributes.length > 0) {
    if (call.operation === SvmOperation.setAttributes) return { set: { ...place, attrs: attributes } };
    if (call.operation === SvmOperation.getAttributes)
      return { get: { ...place, types: attributes.map(([type]) => type) } };
  }
  return { ioctl: { op: call.operation, ...place, nattr: call.attributeCount, ptr: call.pointer, attrs: attributes } };
}

/** The answer of an ioctl. */
export function answerOfCall(result: number, values: readonly number[] | undefined): CallAnswer {
  return values === undefined ? { ret: result } : { ret: result, values };
}

function performCall({ machine, file }: TraceSubject, call: SvmCall, wake?: (answer: CallAnswer) => void): CallAnswer {
  const { attributes, attributeCount } = call;
  // The caller's buffer holds the records padded with [0, 0]; beyond 64 the kernel never looks.
  const bytes = encodeAttributePairs(attributes, Math.min(attributeCount, MAX_ATTRIBUTES_PER_CALL + 1));
  const memory =
    call.pointer === 'null' ? null : call.pointer === 'bad' ? 'bad' : { bytes, readOnly: call.pointer === 'ro' };
  const complete = (result: number): CallAnswer => {
    if (result !== 0 || call.operation !== SvmOperation.getAttributes) return { ret: result };
    const values: number[] = [];
    for (let index = 0; index < attributeCount; index++) values.push(attributeValueAt(bytes, index));
    return { ret: result, values };
  };
  const args = svmArguments(call);
  const sleeper = wake === undefined ? undefined : (result: number): void => wake(complete(result));
  return complete(machine.scope.run(() => file.svmCall(args, memory, sleeper)));
}

const pairs = (attributes: readonly AttributePair[]): string => attributesText(attributes, ' = ', ', ');

export const set = defineOperation({
  name: 'set',
  perGpu: true,
  needs: 'svm-lock-asleep',
  enters: 'ioctl',
  parse: (fields) => {
    fields.only('addr', 'size', 'attrs');
    return {
      name: 'set',
      gpu: fields.gpu,
      address: fields.u64('addr'),
      size: fields.u64('size'),
      attributes: fields.pairs('attrs'),
    };
  },
  perform: (subject, { address, size, attributes }, wake?: (answer: CallAnswer) => void) => {
    const operation = SvmOperation.setAttributes;
    return performCall(
      subject,
      { operation, address, size, attributeCount: attributes.length, pointer: 'ok', attributes },
      wake,
    );
  },
  sentence: (operation) => `SET_ATTR on ${bytesAt(operation)}: ${pairs(operation.attributes)}`,
  refusal: (operation, errno) => svmRefusal(errno, { ...operation, operation: 'set' }),
  outcome: (_operation, _answer, met) =>
    met('attributes-changed') ? [] : ['The attributes are set already; nothing changes.'],
  label: ({ attributes }) => attributesText(attributes),
  form: {
    label: 'set attribute',
    fields: { addr: FIELDS.address, size: FIELDS.size, attribute: FIELDS.attribute, value: FIELDS.value },
    compose: ({ addr, size, attribute, value }) => ({ addr, size, attrs: [[attribute, value]] }),
  },
});

export const get = defineOperation({
  name: 'get',
  perGpu: true,
  needs: 'svm-lock-asleep',
  enters: 'ioctl',
  parse: (fields) => {
    fields.only('addr', 'size', 'types');
    return {
      name: 'get',
      gpu: fields.gpu,
      address: fields.u64('addr'),
      size: fields.u64('size'),
      types: fields.u32List('types'),
    };
  },
  perform: (subject, { address, size, types }, wake?: (answer: CallAnswer) => void) => {
    const operation = SvmOperation.getAttributes;
    const attributes = types.map((type): AttributePair => [type, 0]);
    return performCall(
      subject,
      { operation, address, size, attributeCount: types.length, pointer: 'ok', attributes },
      wake,
    );
  },
  sentence: (operation) => `GET_ATTR on ${bytesAt(operation)}: ${operation.types.map(attributeName).join(', ')}`,
  refusal: ({ address, size, types }, errno) =>
    svmRefusal(errno, { operation: 'get', address, size, attributes: types.map((type) => [type, 0] as const) }),
  outcome: ({ types }, { values = [] }) => [
    `Answer: ${pairs(types.map((type, index) => [type, values[index] ?? 0] as const))}.`,
  ],
  label: ({ types }) => types.map(attributeName).join(' '),
  form: {
    label: 'get attribute',
    fields: { addr: FIELDS.address, size: FIELDS.size, attribute: FIELDS.attribute },
    compose: ({ addr, size, attribute }) => ({ addr, size, types: [attribute] }),
  },
});

export const reset = defineOperation({
  name: 'reset',
  perGpu: true,
  needs: 'svm-lock-asleep',
  enters: 'ioctl',
  parse: (fields) => {
    fields.only('addr', 'size');
    return { name: 'reset', gpu: fields.gpu, address: fields.u64('addr'), size: fields.u64('size') };
  },
  perform: (subject, { address, size }, wake?: (answer: CallAnswer) => void) => {
    const operation = SvmOperation.resetAttributes;
    return performCall(subject, { operation, address, size, attributeCount: 0, pointer: 'null', attributes: [] }, wake);
  },
  sentence: (operation) => `RESET_ATTR on ${bytesAt(operation)}`,
  refusal: (operation, errno) => svmRefusal(errno, { ...operation, operation: 'reset' }),
  label: () => '',
  form: { label: 'reset attributes', fields: { addr: FIELDS.address, size: FIELDS.size } },
});

const POINTERS = ['null', 'bad', 'ro', 'ok'] as const;

export const ioctl = defineOperation({
  name: 'ioctl',
  perGpu: true,
  needs: 'svm-lock-asleep',
  enters: 'ioctl',
  parse: (fields) => {
    fields.only('op', 'addr', 'size', 'nattr', 'ptr', 'attrs');
    return {
      name: 'ioctl',
      gpu: fields.gpu,
      address: fields.u64('addr'),
      size: fields.u64('size'),
      operation: fields.count('op', 0xffff_ffff),
      attributeCount: fields.count('nattr', 0xffff_ffff),
      pointer: fields.has('ptr') ? fields.word('ptr', POINTERS) : 'ok',
      attributes: fields.has('attrs') ? fields.pairs('attrs') : [],
    };
  },
  perform: (subject, operation, wake?: (answer: CallAnswer) => void) => performCall(subject, operation, wake),
  // Every SVM ioctl is journalled as one of these.
  record: (entry) => ({ operation: operationOfCall(entry), answer: answerOfCall(entry.result, entry.values) }),
  sentence: (operation) =>
    `A raw SVM ioctl, operation ${operation.operation}, with ${operation.attributeCount} attributes on ${bytesAt(operation)}`,
  refusal: (operation, errno) => rawCallRefusal(errno, operation),
  label: ({ operation }) => `op ${operation}`,
});
