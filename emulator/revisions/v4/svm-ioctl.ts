// Models: the handler of DRM_AMDGPU_GEM_SVM - the exact order of its checks (spec/01-uapi §6).
import type { SvmArguments } from '../../../lib/uapi/call.ts';
import { MAX_ATTRIBUTES_PER_CALL, SvmOperation } from '../../../lib/uapi/constants.ts';
import { Errno } from '../../../lib/uapi/errno.ts';
import { PAGE_NUMBER_END } from '../../kernel/page-number.ts';
import { ATTRIBUTE_BYTES, copyFromUser, copyToUser } from '../../svm/attribute-copy.ts';
import { getAttributes } from '../../svm/attribute-get.ts';
import { AttributeRequest } from '../../svm/attribute-record.ts';
import { SetAttributes } from './set-attributes.ts';
import { SLEEPING } from '../../svm/sleeping.ts';
import type { SvmContext } from '../../svm/context.ts';
import type { UserMemory } from '../../svm/revision.ts';
import type { SvmIoctlCall } from '../../svm/context.ts';

const PAGE_MASK = 0xfff;
const SET = SvmOperation.setAttributes;
const GET = SvmOperation.getAttributes;

/**
 * One call of the handler; resumable where SET_ATTR waits for the svm lock.
 * `begin` gives the result or SLEEPING, then `resume` goes on.
 */
export class SvmIoctl implements SvmIoctlCall {
  private set: SetAttributes | null = null;
  private setContext: SvmContext | null = null;
  private readonly request = new AttributeRequest();

  /** `memory` null is a null pointer, 'bad' one that copy-from-user faults on. */
  begin(context: SvmContext | number, args: SvmArguments, memory: UserMemory | 'bad' | null): number {
    // Q01: the context comes first, whatever the arguments are.
    // mutant: context-after-checks
    if (typeof context === 'number') return context;
    // mutant: alignment-of-size
    if (((args.startLow | args.sizeLow) & PAGE_MASK) !== 0) return -Errno.EINVAL;
    // mutant: zero-start
    if ((args.startLow | args.startHigh) === 0 || (args.sizeLow | args.sizeHigh) === 0) return -Errno.EINVAL;
    const count = args.attributeCount;
    // mutant: count-of-64
    if (count === 0 || count > MAX_ATTRIBUTES_PER_CALL) return -Errno.EINVAL;
    // mutant: null-pointer-errno, operation-before-copy
    if (memory === null) return -Errno.EINVAL;
    if (memory === 'bad' || memory.bytes.length < count * ATTRIBUTE_BYTES) return -Errno.EFAULT;
    copyFromUser(this.request, memory.bytes, count);
    // mutant: operation-2-accepted
    if (args.operation !== SET && args.operation !== GET) {
      return -Errno.EINVAL;
    }
    const first = args.startHigh * 0x10_0000 + (args.startLow >>> 12);
    const pages = args.sizeHigh * 0x10_0000 + (args.sizeLow >>> 12);
    // (start + size - 1) >> 12 in wrapping u64 arithmetic.
    const sum = first + pages;
    const last = sum > PAGE_NUMBER_END ? sum - PAGE_NUMBER_END - 1 : sum - 1;
    if (args.operation === SET) {
      if (this.set === null || this.setContext !== context) {
        this.set = new SetAttributes(context, this.request);
        this.setContext = context;
      }
      return this.set.begin(first, last).run();
    }
    const result = getAttributes(context, first, last, this.request);
    // mutant: get-writes-despite-error
    if (result !== 0) return result;
    if (memory.readOnly === true) return -Errno.EFAULT;
    copyToUser(memory.bytes, this.request, count);
    return 0;
  }

  /** Goes on with a call that slept; the svm lock should be free now. */
  resume(): number {
    return this.set === null ? SLEEPING : this.set.run();
  }
}
