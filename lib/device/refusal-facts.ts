/** What is known of GPU, process and time when a call is refused: it may be why. */
import type { Backend } from '../backend/backend.ts';
import type { AttributePair, SvmAttributeRecord } from '../uapi/call.ts';
import { SvmAttributeType, SvmLocation } from '../uapi/constants.ts';
import { Errno } from '../uapi/errno.ts';
import type { ByteRange } from '../uapi/range.ts';
import type { RefusalFacts } from './errors.ts';

/** `began`: what `timeOfPrefetch` gave before the call. */
export function refusalFacts(
  backend: Backend,
  result: number,
  range: ByteRange,
  records: readonly SvmAttributeRecord[],
  began: number | undefined,
): RefusalFacts {
  const { switchedOffByNoretry: off, svm, xnack, vram } = backend.abilities;
  const { behaviour, getWalksVmas } = backend.profile;
  return {
    attributes: records.map(({ type, value }): AttributePair => [type, value]),
    getWalksVmas,
    svm,
    noretry: off === undefined ? 'maybe' : off ? 'yes' : 'no',
    retryFaults: behaviour.runsWithoutRetryFaults ? true : xnack,
    mapped: result === -Errno.EFAULT ? backend.isMapped(range.address, range.size) : undefined,
    took: began === undefined ? undefined : milliseconds(backend) - began,
    movesToVram: vram && records.some((record) => isPrefetch(record) && record.value !== SvmLocation.system),
  };
}

/** The time before a call, in ms; undefined where it prefetches nothing, and no time of it will explain a refusal. */
export function timeOfPrefetch(backend: Backend, records: readonly SvmAttributeRecord[]): number | undefined {
  return records.some(isPrefetch) ? milliseconds(backend) : undefined;
}

function isPrefetch({ type }: SvmAttributeRecord): boolean {
  return type === SvmAttributeType.prefetchLocation;
}

/** The emulated machine has its own time. */
function milliseconds({ emulator }: Backend): number {
  return emulator === undefined ? performance.now() : emulator.surroundings.clock.now / 1e6;
}
