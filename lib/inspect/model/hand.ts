/** Operations put together by hand: the fields of a form as `{"NAME": {fields}}`. */
import { VMA_KINDS } from '../../../emulator/index.ts';
import { SvmAccess, SvmAttributeType, SvmLocation } from '../../uapi/constants.ts';
import { valueOfWord } from '../../words/attributes.ts';
import { hex } from '../../trace/hex.ts';
import { parseBytes } from './format.ts';

/** One field of an operation's form. */
export interface HandField {
  readonly name: 'addr' | 'len' | 'prot' | 'kind' | 'attribute' | 'value' | 'write' | 'ns';
  readonly label: string;
  readonly initial: string;
  /** The choices of a selection, `[value, words]`; without them the field is text. */
  readonly choices?: readonly (readonly [string, string])[];
}

/** One operation that can be run by hand. */
export interface HandOperation {
  readonly name: string;
  readonly label: string;
  readonly fields: readonly HandField[];
}

/** What the fields hold, by name. */
export type HandValues = Readonly<Partial<Record<HandField['name'], string>>>;

const addr: HandField = { name: 'addr', label: 'address', initial: '0x10000000' };
const len: HandField = { name: 'len', label: 'size', initial: '2M' };
const prot: HandField = {
  name: 'prot',
  label: 'protection',
  initial: 'rw',
  choices: ['rw', 'r', 'rwx', 'rx', 'w', '-'].map((each) => [each, each]),
};
const kind: HandField = {
  name: 'kind',
  label: 'kind',
  initial: 'anon',
  choices: VMA_KINDS.map((each) => [each, each]),
};
const write: HandField = {
  name: 'write',
  label: 'access',
  initial: 'read',
  choices: [
    ['read', 'read'],
    ['write', 'write'],
  ],
};
const attribute: HandField = {
  name: 'attribute',
  label: 'attribute',
  initial: 'gpuReadOnly',
  choices: Object.keys(SvmAttributeType).map((each) => [each, each]),
};
const value: HandField = { name: 'value', label: 'value', initial: '1' };
const ns: HandField = { name: 'ns', label: 'nanoseconds', initial: '3000000' };

export const HAND_OPERATIONS: readonly HandOperation[] = [
  { name: 'mmap', label: 'mmap', fields: [addr, len, prot, kind] },
  { name: 'munmap', label: 'munmap', fields: [addr, len] },
  { name: 'mprotect', label: 'mprotect', fields: [addr, len, prot] },
  { name: 'dontneed', label: 'madvise DONTNEED', fields: [addr, len] },
  { name: 'touch', label: 'CPU touches', fields: [addr, len, write] },
  { name: 'access', label: 'GPU touches', fields: [addr, len, write] },
  { name: 'fault', label: 'GPU fault', fields: [addr, write] },
  { name: 'set', label: 'set attribute', fields: [addr, len, attribute, value] },
  { name: 'get', label: 'get attribute', fields: [addr, len, attribute] },
  { name: 'advance', label: 'advance time', fields: [ns] },
  { name: 'gc', label: 'run collector', fields: [] },
  { name: 'close', label: 'close context', fields: [] },
  { name: 'mmexit', label: 'exit process', fields: [] },
  { name: 'dump', label: 'dump state', fields: [] },
];

/** The operation that the fields describe; throws RangeError that names the bad field. */
export function handOperation(name: string, values: HandValues): object {
  const operation = HAND_OPERATIONS.find((each) => each.name === name);
  if (operation === undefined) throw new RangeError(`operation: unknown ${name}`);
  const fields: Record<string, unknown> = {};
  const size = name === 'set' || name === 'get' ? 'size' : 'len';
  for (const field of operation.fields) {
    const text = values[field.name] ?? field.initial;
    switch (field.name) {
      case 'addr':
        fields['addr'] = hex(bytesOf('address', text));
        break;
      case 'len':
        fields[size] = hex(bytesOf('size', text));
        break;
      case 'ns':
        fields['ns'] = Number(bytesOf('nanoseconds', text));
        break;
      case 'write':
        fields['write'] = text === 'write';
        break;
      case 'attribute':
        if (name === 'get') fields['types'] = [typeOf(text)];
        break;
      case 'value':
        fields['attrs'] = [[typeOf(values.attribute ?? attribute.initial), valueOf(text)]];
        break;
      default:
        fields[field.name] = text;
    }
  }
  return { [name]: fields };
}

function bytesOf(label: string, text: string): bigint {
  const number = parseBytes(text);
  if (number === undefined)
    throw new RangeError(`${label}: expected a number like 0x10000000, 4096, 64k or 2M, got "${text}"`);
  return number;
}

function typeOf(name: string): number {
  return SvmAttributeType[name as keyof typeof SvmAttributeType];
}

function valueOf(text: string): number {
  const number = valueOfWord(text.trim());
  if (number === undefined) {
    throw new RangeError(
      `value: expected a number from 0 to 2^32 - 1, a location (${Object.keys(SvmLocation).join(', ')}) or an access (${Object.keys(SvmAccess).join(', ')}), got "${text}"`,
    );
  }
  return number;
}
