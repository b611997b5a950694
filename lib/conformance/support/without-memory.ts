/** GET over addresses where the process has no ordinary memory. */
import type { NamedAttributes } from '../framework/attributes.ts';
import type { CaseContext } from '../framework/context.ts';
import type { SvmDevice } from '../../device/index.ts';
import type { SvmAttributeName } from '../../uapi/constants.ts';
import { SvmAttributeType, SvmOperation } from '../../uapi/constants.ts';
import { EFAULT } from './errno.ts';

/** Addresses as cases have them. */
interface Place {
  readonly address: bigint;
  readonly size: bigint | number;
}

/** GET gives `values` for the types where the revision does not look at the memory; else it fails with `errno`. */
export function getsWithoutMemory(
  t: CaseContext,
  range: Place,
  types: readonly number[],
  values: readonly number[],
  what: string,
  errno: number = EFAULT,
  device: SvmDevice = t.device,
): void {
  if (!t.can('get-walks-vmas')) {
    t.equal(t.get(range, types, device), [...values], what);
    return;
  }
  const attributes = types.map((type) => [type, 0] as const);
  const answer = t.ioctl({ operation: SvmOperation.getAttributes, ...range, attributes }, device);
  t.equal(answer, { result: -errno, values: types.map(() => 0) }, `GET_ATTR without memory for ${what}`);
}

/** As `t.has`, for addresses at which memory is missing. */
export function hasWithoutMemory(
  t: CaseContext,
  range: Place,
  attributes: NamedAttributes,
  what: string,
  errno: number = EFAULT,
  device: SvmDevice = t.device,
): void {
  if (!t.can('get-walks-vmas')) {
    t.has(range, attributes, what, device);
    return;
  }
  const types = (Object.keys(attributes) as SvmAttributeName[]).map((name) => SvmAttributeType[name]);
  getsWithoutMemory(t, range, types, [], what, errno, device);
}
