/** What the range attribute calls are asked, with its types checked. */
import { rangeError, show, typeError } from '../uapi/errors.ts';
import { integerOfIndex, intOf, listOf } from './arguments.ts';
import type { RangeQuestion } from './range-attributes.ts';

/** The names are those of the caller's arguments, for the error. */
export function readQuestion(
  dataName: string,
  data: unknown,
  sizeName: string,
  size: unknown,
  attributeName: string,
  attribute: unknown,
): RangeQuestion {
  const bytes = integerOfIndex(sizeName, size);
  return { data: viewOf(dataName, data, bytes), size: bytes, attribute: intOf(attributeName, attribute) };
}

/** null: one of the lists is. Lists that are too short are a RangeError: the original would read beyond them. */
export function readQuestions(
  data: unknown,
  sizes: unknown,
  attributes: unknown,
  count: number,
): RangeQuestion[] | null {
  const lists = [listOf('data', data), listOf('dataSizes', sizes), listOf('attributes', attributes)] as const;
  const [targets, byteSizes, numbers] = lists;
  if (targets === null || byteSizes === null || numbers === null) return null;
  for (const list of [targets, byteSizes, numbers]) {
    if (list.length < count)
      throw rangeError(
        'ERR_SVM_OUT_OF_RANGE',
        `attributeCount: ${count} is more than the ${list.length} entries of a list`,
      );
  }
  return Array.from({ length: count }, (_, index) =>
    readQuestion(
      `data[${index}]`,
      targets[index],
      `dataSizes[${index}]`,
      byteSizes[index],
      `attributes[${index}]`,
      numbers[index],
    ),
  );
}

/** The bytes of an answer. What does not hold `size` bytes would be written beyond its end by the original. */
function viewOf(name: string, data: unknown, size: number): DataView | null {
  if (data === null) return null;
  if (!ArrayBuffer.isView(data)) {
    throw typeError('ERR_SVM_INVALID_TYPE', `${name}: expected a typed array, a DataView or null, got ${show(data)}`);
  }
  if (data.byteLength < size) {
    throw rangeError('ERR_SVM_OUT_OF_RANGE', `${name}: expected at least ${size} bytes, got ${data.byteLength}`);
  }
  return new DataView(data.buffer, data.byteOffset, data.byteLength);
}
