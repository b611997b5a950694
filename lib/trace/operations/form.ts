/** Fields from which a person puts an operation together, and how their text is read. */
import { rangeError } from '../../uapi/errors.ts';
import { VMA_KINDS } from '../../../emulator/index.ts';
import { SvmAccess, SvmAttributeType, SvmLocation } from '../../uapi/constants.ts';
import { valueOfWord } from '../../words/attributes.ts';
import { parseBytes } from '../../words/sizes.ts';
import { hex } from '../format/hex.ts';

/** One field of a form. */
export interface FormField {
  /** Name of what was typed in; forms of several operations share it. */
  readonly name: string;
  readonly label: string;
  readonly initial: string;
  /** The choices of a selection, `[value, words]`; without them the field is text. */
  readonly choices?: readonly (readonly [string, string])[];
  /** What the operation gets; throws RangeError that names the field. */
  read(text: string): unknown;
}

/** How an operation is put together. */
export interface OperationForm {
  readonly label: string;
  /** By name in the operation. */
  readonly fields: Readonly<Record<string, FormField>>;
  /** The fields of the operation, where they are not those of the form. */
  compose?(values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
}

function bytesField(name: string, label: string, initial: string, write: (bytes: bigint) => unknown): FormField {
  return {
    name,
    label,
    initial,
    read: (text) => {
      const bytes = parseBytes(text);
      if (bytes === undefined)
        throw rangeError(
          'ERR_SVM_INVALID_VALUE',
          `${label}: expected a number like 0x10000000, 4096, 64k or 2M, got "${text}"`,
        );
      return write(bytes);
    },
  };
}

function choice(
  name: string,
  label: string,
  choices: readonly string[],
  read = (text: string): unknown => text,
): FormField {
  return { name, label, initial: choices[0]!, choices: choices.map((each) => [each, each]), read };
}

const ATTRIBUTES = Object.keys(SvmAttributeType) as (keyof typeof SvmAttributeType)[];

export const FIELDS = {
  address: bytesField('addr', 'address', '0x10000000', hex),
  size: bytesField('len', 'size', '2M', hex),
  nanoseconds: bytesField('ns', 'nanoseconds', '3000000', Number),
  protection: choice('prot', 'protection', ['rw', 'r', 'rwx', 'rx', 'w', '-']),
  kind: choice('kind', 'kind', VMA_KINDS),
  write: choice('write', 'access', ['read', 'write'], (text) => text === 'write'),
  attribute: {
    ...choice('attribute', 'attribute', ATTRIBUTES, (text) => SvmAttributeType[text as keyof typeof SvmAttributeType]),
    initial: 'gpuReadOnly',
  },
  value: {
    name: 'value',
    label: 'value',
    initial: '1',
    read: (text): number => {
      const value = valueOfWord(text.trim());
      if (value !== undefined) return value;
      throw rangeError(
        'ERR_SVM_INVALID_VALUE',
        `value: expected a number from 0 to 2^32 - 1, a location (${Object.keys(SvmLocation).join(', ')}) or an access (${Object.keys(SvmAccess).join(', ')}), got "${text}"`,
      );
    },
  },
} as const satisfies Readonly<Record<string, FormField>>;
