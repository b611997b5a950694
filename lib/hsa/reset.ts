/** A set of no attributes: everything back to its default (spec/hsa §3.3). */
import { PAGE_SIZE, SvmAccess, SvmAttributeType, SvmLocation, SvmOperation } from '../uapi/constants.ts';
import type { SvmAttributeRecord } from '../uapi/call.ts';
import type { ByteRange } from '../uapi/range.ts';
import { callGpu, EINVAL } from './gpu-call.ts';
import type { SvmPort } from './gpu-call.ts';
import { isRefusedByWrapper } from './arguments.ts';

/** A page that no mapping can reach, so that no attributes can be set on it: no canonical address. */
const UNTOUCHED: ByteRange = { address: 1n << 63n, size: BigInt(PAGE_SIZE) };

/** What a device's default granularity is can't change while it is open; it is asked once. */
const defaultGranularities = new WeakMap<SvmPort, number>();

/**
 * Resets the range on one GPU: by the operation of the profile, or, on V4 which has
 * none, by setting every default - except PREFETCH_LOC, which can't be set back to
 * UNDEFINED and stays. Returns 0 or a negative errno.
 */
export function resetOnGpu(port: SvmPort, range: ByteRange): number {
  const operation = port.profile.operations['resetAttributes'];
  if (operation !== undefined) return callGpu(port, operation, range, []).result;
  if (isRefusedByWrapper(range)) return -EINVAL;
  const granularity = defaultGranularity(port);
  return granularity < 0
    ? granularity
    : callGpu(port, SvmOperation.setAttributes, range, defaultRecords(granularity)).result;
}

function defaultRecords(granularity: number): SvmAttributeRecord[] {
  return [
    { type: SvmAttributeType.preferredLocation, value: SvmLocation.undefined },
    { type: SvmAttributeType.granularity, value: granularity },
    { type: SvmAttributeType.hostAccess, value: 1 },
    { type: SvmAttributeType.coherent, value: 1 },
    { type: SvmAttributeType.extCoherent, value: 0 },
    { type: SvmAttributeType.hiveLocal, value: 0 },
    { type: SvmAttributeType.gpuReadOnly, value: 0 },
    { type: SvmAttributeType.gpuExecutable, value: 0 },
    { type: SvmAttributeType.gpuReadMostly, value: 0 },
    { type: SvmAttributeType.access, value: SvmAccess['allow-migrate'] },
  ];
}

/** log2 of pages, or a negative errno. */
function defaultGranularity(port: SvmPort): number {
  const known = defaultGranularities.get(port);
  if (known !== undefined) return known;
  const { result, attributes } = callGpu(port, SvmOperation.getAttributes, UNTOUCHED, [
    { type: SvmAttributeType.granularity, value: 0 },
  ]);
  if (result < 0) return result;
  const granularity = attributes[0]!.value;
  defaultGranularities.set(port, granularity);
  return granularity;
}
