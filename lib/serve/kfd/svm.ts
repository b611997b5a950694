/** KFD's own SVM ioctl on the machine of a client: its checks, and the DRM SVM calls that it becomes (spec/hsa §3, §4.2). */
import { isSpecialVma } from '../../../emulator/index.ts';
import { Errno, errnoName } from '../../uapi/errno.ts';
import { SvmAccess, SvmFlag, SvmOperation } from '../../uapi/constants.ts';
import { ATTRS_PTR_OFFSET, encodeAttributePairs, encodeSvmRequest } from '../../uapi/codec.ts';
import type { KfdClient, KfdFile, ServedGpu } from './client.ts';
import type { BufferMemory } from './buffers.ts';
import { gpuOf } from './interface.ts';
import { decodeRecords, encodeRecords, KfdSvmLocation, KfdSvmOperation, KfdSvmType } from './svm-attributes.ts';
import type { KfdSvmAttribute } from './svm-attributes.ts';
import { mergeIntervals } from './svm-merge.ts';
import type { ContextInterval } from './svm-merge.ts';
import { translateSet } from './svm-translation.ts';

const PAGE_MASK = 0xfffn;
/** Module default of the driver, log2 of pages. */
const DEFAULT_GRANULARITY = 9;

/** The answer: 0 or a negative errno, and where the machine does something else than KFD would. */
export interface SvmAnswer {
  readonly result: number;
  readonly notes: readonly string[];
}

/** SVM of one process as its KFD has it. */
export class KfdSvm {
  readonly #client: KfdClient;
  readonly #gpus: readonly ServedGpu[];
  readonly #buffers: BufferMemory;
  #hasToldDifferences = false;

  constructor(client: KfdClient, gpus: readonly ServedGpu[], buffers: BufferMemory) {
    this.#client = client;
    this.#gpus = gpus;
    this.#buffers = buffers;
  }

  /** `bytes`: how many the caller's structure has. `retries`: whether XNACK is on in the process. */
  ioctl(view: DataView, bytes: number, retries: boolean): SvmAnswer {
    const refused = (result: number, ...notes: string[]): SvmAnswer => ({ result: -result, notes });
    const start = view.getBigUint64(0, true);
    const size = view.getBigUint64(8, true);
    if (((start | size) & PAGE_MASK) !== 0n || start === 0n || size === 0n) return refused(Errno.EINVAL);
    const records = decodeRecords(view, bytes);
    if (records === undefined) return refused(Errno.EINVAL, 'the structure ends before its attributes do');
    this.#client.refresh(start, size);
    switch (view.getUint32(16, true)) {
      case KfdSvmOperation.set:
        return this.#set(start, size, records);
      case KfdSvmOperation.get: {
        const result = this.#get(start, size, records, retries);
        if (result === 0) encodeRecords(view, records);
        return { result, notes: [] };
      }
      default:
        return refused(Errno.EINVAL);
    }
  }

  #set(start: bigint, size: bigint, records: readonly KfdSvmAttribute[]): SvmAnswer {
    if (!records.every((record) => this.#isValid(record))) return { result: -Errno.EINVAL, notes: [] };
    const gpus = this.#gpus.filter((gpu): gpu is ServedGpu & { file: KfdFile } => gpu.file !== undefined);
    // There is nothing to lock before the first compute VM.
    if (gpus.length === 0) return { result: -Errno.EINVAL, notes: ['no GPU has a compute VM yet'] };
    const refusal = this.#refusal(start, size);
    if (refusal !== 0) return { result: refusal, notes: [] };
    const { lists, notes } = translateSet(
      records,
      gpus.map(({ id }) => id),
    );
    const said = [...notes, ...this.#differences(gpus)];
    if (records.length === 0) said.push('nothing is sent without attributes; KFD makes a range of the defaults');
    // A GPU that is told to fetch comes last: what the others give up is in the memory of the system then.
    const isFetching = ({ id }: ServedGpu): boolean =>
      records.some(({ type, value }) => type === KfdSvmType.prefetchLocation && value === id);
    const order = [...gpus.filter((gpu) => !isFetching(gpu)), ...gpus.filter(isFetching)];
    let done = 0;
    for (const { id, file } of order) {
      const pairs = lists.get(id)!;
      if (pairs.length === 0) continue;
      const { node } = file;
      const result = node.ioctl(
        node.profile.request,
        encodeSvmRequest({
          startAddress: start,
          size,
          operation: SvmOperation.setAttributes,
          attributeCount: pairs.length,
          attributesPointer: 1n,
        }),
        [{ offset: ATTRS_PTR_OFFSET, data: encodeAttributePairs(pairs) }],
      );
      if (result !== 0) {
        const name = errnoName(result) ?? String(result);
        said.push(`DRM SVM of GPU 0x${id.toString(16)} answers ${name}; GPUs that were changed before: ${done}`);
        return { result, notes: said };
      }
      done++;
    }
    return { result: 0, notes: said };
  }

  #isValid({ type, value }: KfdSvmAttribute): boolean {
    switch (type) {
      case KfdSvmType.preferredLocation:
        return value === KfdSvmLocation.system || value === KfdSvmLocation.undefined || this.#isSupported(value);
      case KfdSvmType.prefetchLocation:
        return value === KfdSvmLocation.system || this.#isSupported(value);
      case KfdSvmType.access:
      case KfdSvmType.accessInPlace:
      case KfdSvmType.noAccess:
        return this.#isSupported(value);
      default:
        return type <= KfdSvmType.granularity;
    }
  }

  /** Whether it is the id of a GPU that has SVM. */
  #isSupported(id: number): boolean {
    const gpu = gpuOf(this.#gpus, id);
    return gpu !== undefined && hasSvm(this.#client, gpu);
  }

  /** What KFD says of the memory: 0, EFAULT where it is not mapped or a device's, EADDRINUSE where a buffer object lies. */
  #refusal(start: bigint, size: bigint): number {
    const { space } = this.#client.machine.process;
    const end = Number((start + size) >> 12n);
    for (let page = Number(start >> 12n); page < end;) {
      const vma = space.findVma(page);
      if (vma === undefined || isSpecialVma(vma)) return -Errno.EFAULT;
      page = vma.endPage;
    }
    return this.#buffers.meets(start, size) ? -Errno.EADDRINUSE : 0;
  }

  #get(start: bigint, size: bigint, records: KfdSvmAttribute[], retries: boolean): number {
    const refusal = this.#refusal(start, size);
    if (refusal !== 0) return refusal;
    const { access, accessInPlace, noAccess, granularity, preferredLocation, prefetchLocation, setFlags } = KfdSvmType;
    if (records.some(({ type }) => type === accessInPlace || type === noAccess || type > granularity))
      return -Errno.EINVAL;
    const first = Number(start >> 12n);
    const last = first + Number(size >> 12n) - 1;
    const byDefault = retries ? SvmAccess['allow-migrate'] : SvmAccess.inaccessible;
    const gpus = this.#gpus.map((gpu) => ({
      id: gpu.id,
      intervals: intervalsOf(gpu, first, last),
      access: hasSvm(this.#client, gpu) ? byDefault : SvmAccess.inaccessible,
    }));
    const context = this.#gpus.find((gpu) => gpu.file?.node.file.context)?.file?.node.file.context;
    const merged = mergeIntervals(gpus, first, last, {
      granularity: context?.granularity ?? DEFAULT_GRANULARITY,
      flags: SvmFlag.hostAccess | SvmFlag.coherent,
    });
    for (const record of records)
      switch (record.type) {
        case preferredLocation:
          record.value = merged.preferredLocation;
          break;
        case prefetchLocation:
          record.value = merged.prefetchLocation;
          break;
        case access: {
          const found = merged.access.get(record.value);
          if (found === undefined) return -Errno.EINVAL;
          record.type =
            found === SvmAccess['in-place'] ? accessInPlace : found === SvmAccess.inaccessible ? noAccess : access;
          break;
        }
        case granularity:
          record.value = merged.granularity;
          break;
        default:
          record.value = record.type === setFlags ? merged.setFlags : merged.clearFlags;
      }
    return 0;
  }

  /** What this machine does in another way than KFD, said once in a process. */
  #differences(gpus: readonly (ServedGpu & { readonly file: KfdFile })[]): string[] {
    if (this.#hasToldDifferences) return [];
    this.#hasToldDifferences = true;
    const { name, behaviour } = gpus[0]!.file.node.profile;
    const all: string[] = [];
    if (gpus[0]!.file.node.device.xnackEnabled)
      all.push('memory with ACCESS_IN_PLACE is mapped when the GPU faults; KFD maps it at once');
    if (behaviour.attributesSurviveUnmap) all.push('attributes stay when memory is unmapped; KFD forgets them');
    if (!behaviour.movesToVram)
      all.push('a prefetch to a GPU maps the pages where they are; KFD moves them to its memory');
    if (gpus.length > 1)
      all.push(
        'each GPU has attributes of its own: a location that is one GPU is undefined (prefetch: the system) for the others',
      );
    return all.map((text) => `unlike KFD's SVM, that of ${name}: ${text}`);
  }
}

function hasSvm(client: KfdClient, gpu: ServedGpu): boolean {
  const device = client.machine.devices[gpu.index]!;
  return device.xnackEnabled || device.surroundings.revision.uapi.behaviour.runsWithoutRetryFaults;
}

function intervalsOf(gpu: ServedGpu, first: number, last: number): ContextInterval[] {
  const tree = gpu.file?.node.file.context?.tree;
  const intervals: ContextInterval[] = [];
  let interval = tree?.findIntersecting(first, last);
  while (interval !== undefined && interval.first <= last) {
    intervals.push(interval);
    interval = tree!.after(interval);
  }
  return intervals;
}
