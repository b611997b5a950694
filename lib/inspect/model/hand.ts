/** Operations composed by hand: the fields of a form as `{"NAME": {fields}}`. */
import { rangeError } from '../../uapi/errors.ts';
import { descriptorOf, isOperationName, OPERATIONS } from '../../trace/operations/index.ts';
import type { OperationName } from '../../trace/operations/index.ts';
import type { FormField } from '../../trace/operations/form.ts';

/** One operation that can be run by hand. */
export interface HandOperation {
  readonly name: string;
  readonly label: string;
  /** By the name under which the operation has them. */
  readonly fields: readonly FormField[];
}

/** What the fields hold, by name. */
export type HandValues = Readonly<Partial<Record<string, string>>>;

export const HAND_OPERATIONS: readonly HandOperation[] = (Object.keys(OPERATIONS) as OperationName[]).flatMap(
  (name) => {
    const { form } = descriptorOf(name);
    return form === undefined ? [] : [{ name, label: form.label, fields: Object.values(form.fields) }];
  },
);

/** The operation that the fields describe, on a GPU; throws RangeError that names the bad field. */
export function handOperation(name: string, values: HandValues, gpu = 0): object {
  const { form, perGpu } = isOperationName(name) ? descriptorOf(name) : {};
  if (form === undefined) throw rangeError('ERR_SVM_INVALID_VALUE', `operation: unknown ${name}`);
  const read = Object.fromEntries(
    Object.entries(form.fields).map(([key, field]) => [key, field.read(values[field.name] ?? field.initial)]),
  );
  const fields = form.compose?.(read) ?? read;
  return { [name]: perGpu === true && gpu !== 0 ? { ...fields, gpu } : fields };
}
