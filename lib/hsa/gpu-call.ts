/** One call of the libdrm wrappers: what it refuses itself, else the ioctl (spec/hsa §7.2). */
import type { SvmAttributeRecord } from '../uapi/call.ts';
import { Errno } from '../uapi/errno.ts';
import type { RawSvmCall, RawSvmResult } from '../device/raw-call.ts';
import { errnoName } from '../device/emulated.ts';
import type { SvmOperationName } from '../device/errors.ts';
import { refusalOf } from '../device/svm-device.ts';
import type { ByteRange } from '../uapi/range.ts';
import type { UapiProfile } from '../uapi/profile.ts';
import type { HsaAgent } from './agent.ts';
import { HsaError, HsaStatus } from './error.ts';
import { isRefusedByWrapper } from './arguments.ts';

/** What this layer needs of a device to set and get; an `SvmDevice` is one. */
export interface SvmPort {
  readonly profile: UapiProfile;
  svmIoctl(call: RawSvmCall): RawSvmResult;
}

/** What the wrappers give for a range that they refuse. */
export const EINVAL = Errno.EINVAL;

/** Issues the call unless the wrapper refuses the range. */
export function callGpu(
  port: SvmPort,
  operation: number,
  range: ByteRange,
  attributes: readonly SvmAttributeRecord[],
): RawSvmResult {
  if (isRefusedByWrapper(range)) return { result: -EINVAL, attributes: [] };
  return port.svmIoctl({ operation, address: range.address, size: range.size, attributes });
}

/** What a device was asked to do. */
export interface AskedOperation {
  readonly operation: SvmOperationName;
  readonly records: readonly SvmAttributeRecord[];
}

/** HSA_STATUS_ERROR for a negative result, whatever errno it is. `before`: the agents that did it already. */
export function throwOnFailure(
  agent: HsaAgent,
  result: number,
  range: ByteRange,
  { operation, records }: AskedOperation,
  before: readonly HsaAgent[] = [],
): void {
  if (result >= 0) return;
  const { address, size } = range;
  const where = `[0x${address.toString(16)}, +0x${size.toString(16)})`;
  throw new HsaError(
    HsaStatus.error,
    `${agent.name} refused ${where} with ${errnoName(result) ?? 'an unknown error'} (errno ${-result})`,
    {
      agent: agent.name,
      errno: result,
      applied: before.map(({ name }) => name),
      cause: refusalOf(agent.device!, result, operation, range, records),
    },
  );
}

/** The DRM driver class has nothing to talk to without a GPU. */
export function assertGpus(gpuAgents: readonly HsaAgent[]): void {
  if (gpuAgents.length === 0) throw new HsaError(HsaStatus.error, 'the runtime has no GPU agent');
}
