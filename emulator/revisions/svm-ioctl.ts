// Models: the handler of DRM_AMDGPU_GEM_SVM from V5 on - the order of its checks, with RESET_ATTR (spec/revisions §4, V5; spec/01-uapi §6).
import type { SvmArguments } from '../../lib/uapi/call.ts';
import { MAX_ATTRIBUTES_PER_CALL, SvmOperation } from '../../lib/uapi/constants.ts';
import { Errno } from '../../lib/uapi/errno.ts';
import { PAGE_NUMBER_END } from '../kernel/page-number.ts';
import { AttributeRequest } from '../svm/attribute-record.ts';
import { ATTRIBUTE_BYTES, copyFromUser, copyToUser } from '../svm/attribute-copy.ts';
import type { SvmContext, SvmIoctlCall } from '../svm/context.ts';
import type { UserMemory } from '../svm/revision.ts';
import { SLEEPING } from '../svm/sleeping.ts';
import { GetAttributes } from './get-attributes.ts';
import { ResetAttributes } from './reset-attributes.ts';
import { SetAttributes } from './set-attributes.ts';

const PAGE_MASK = 0xfff;

/** One call of the handler; resumable where it waits for a lock. */
export class SvmIoctl implements SvmIoctlCall {
  private readonly request = new AttributeRequest();
  private readonly set = new SetAttributes(this.request);
  private readonly get = new GetAttributes(this.request);
  private readonly reset = new ResetAttributes();
  private operation = 0;
  private memory: UserMemory | null = null;

  begin(context: SvmContext | number, args: SvmArguments, memory: UserMemory | 'bad' | null): number {
    // Q01: the context comes first, whatever the arguments are.
    if (typeof context === 'number') return context;
    // mutant: v7-alignment
    if (((args.startLow | args.sizeLow) & PAGE_MASK) !== 0) return -Errno.EINVAL;
    // mutant: v8-zero-size
    if ((args.startLow | args.startHigh) === 0 || (args.sizeLow | args.sizeHigh) === 0) return -Errno.EINVAL;
    const first = args.startHigh * 0x10_0000 + (args.startLow >>> 12);
    const pages = args.sizeHigh * 0x10_0000 + (args.sizeLow >>> 12);
    // (start + size - 1) >> 12 in wrapping u64 arithmetic.
    const sum = first + pages;
    const last = sum > PAGE_NUMBER_END ? sum - PAGE_NUMBER_END - 1 : sum - 1;
    this.operation = args.operation;
    // RESET_ATTR has no records, whatever the call says of them.
    // mutant: v7-reset-needs-records
    if (args.operation === SvmOperation.resetAttributes) {
      this.reset.begin(context, first, last);
      return this.resume();
    }
    const count = args.attributeCount;
    // mutant: v8-count-of-64
    if (count === 0 || count > MAX_ATTRIBUTES_PER_CALL) return -Errno.EINVAL;
    // mutant: v8-null-pointer
    if (memory === null) return -Errno.EINVAL;
    const noMemory = context.failures.take('allocate-records');
    if (noMemory !== 0) return noMemory;
    if (memory === 'bad' || memory.bytes.length < count * ATTRIBUTE_BYTES) return -Errno.EFAULT;
    copyFromUser(this.request, memory.bytes, count);
    this.memory = memory;
    if (args.operation === SvmOperation.setAttributes) this.set.begin(context, first, last);
    else if (args.operation === SvmOperation.getAttributes) this.get.begin(context, first, last);
    else return -Errno.EINVAL;
    return this.resume();
  }

  resume(): number {
    switch (this.operation) {
      case SvmOperation.setAttributes:
        return this.set.run();
      case SvmOperation.resetAttributes:
        return this.reset.run();
      case SvmOperation.getAttributes: {
        const result = this.get.run();
        if (result !== 0) return result;
        const memory = this.memory!;
        // mutant: v8-read-only-records
        if (memory.readOnly === true) return -Errno.EFAULT;
        copyToUser(memory.bytes, this.request, this.request.count);
        return 0;
      }
      default:
        return SLEEPING;
    }
  }
}
