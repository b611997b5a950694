/** KFD's memory ioctls: buffer objects are allocated, mapped to GPUs and freed (spec/kfd-queue §4). */
import { Errno } from '../../uapi/errno.ts';
import { BufferMemory, secretOffset } from './buffers.ts';
import type { KfdBuffer } from './buffers.ts';
import type { KfdClient, KfdSurroundings, ServedGpu } from './client.ts';
import { AllocFlag, AVAILABLE_BYTES, DOORBELL_FRAME, gpuOf } from './interface.ts';

const MOST_BUFFERS = 1 << 16;
const PAGE_MASK = 0xfffn;

/** The buffer objects of one process. Methods return 0 or a negative errno. */
export class KfdAllocations {
  /** Those that are on the GPU. */
  readonly memory: BufferMemory;
  readonly #client: KfdClient;
  readonly #surroundings: KfdSurroundings;
  readonly #gpus: readonly ServedGpu[];
  readonly #buffers = new Map<bigint, KfdBuffer>();
  #nextBuffer = 1;

  constructor(client: KfdClient, surroundings: KfdSurroundings, gpus: readonly ServedGpu[]) {
    this.#client = client;
    this.#surroundings = surroundings;
    this.#gpus = gpus;
    this.memory = new BufferMemory(client);
  }

  close(): void {
    for (const buffer of this.#buffers.values()) this.#release(buffer);
    this.#buffers.clear();
  }

  get #kfdFile(): number {
    return this.#gpus.length;
  }

  /** ALLOC_MEMORY_OF_GPU. */
  allocate(view: DataView): number {
    const address = view.getBigUint64(0, true);
    const size = view.getBigUint64(8, true);
    const flags = view.getUint32(36, true);
    const gpu = gpuOf(this.#gpus, view.getUint32(32, true));
    if (gpu === undefined || size === 0n || ((address | size) & PAGE_MASK) !== 0n) return -Errno.EINVAL;
    const { vram, gtt, userptr, doorbell, mmioRemap } = AllocFlag;
    if ((flags & (vram | gtt | userptr | doorbell | mmioRemap)) === 0) return -Errno.EINVAL;
    if (gpu.file === undefined) return -Errno.ENODEV;
    if (this.#buffers.size >= MOST_BUFFERS || size > AVAILABLE_BYTES) return -Errno.ENOMEM;
    let offset = secretOffset();
    if ((flags & doorbell) !== 0) {
      if (size !== BigInt(DOORBELL_FRAME)) return -Errno.EINVAL;
      offset = gpu.doorbells;
    } else if ((flags & userptr) !== 0) {
      offset = view.getBigUint64(24, true);
      if (offset === 0n) return -Errno.EINVAL;
    } else {
      this.#surroundings.keep((flags & mmioRemap) !== 0 ? this.#kfdFile : gpu.index, offset, Number(size));
    }
    const handle = (BigInt(gpu.id) << 32n) | BigInt(this.#nextBuffer++);
    this.#buffers.set(handle, { handle, gpu: gpu.index, address, size, flags, offset, onGpu: false });
    view.setBigUint64(16, handle, true);
    view.setBigUint64(24, offset, true);
    return 0;
  }

  /** FREE_MEMORY_OF_GPU. */
  free(handle: bigint): number {
    const buffer = this.#buffers.get(handle);
    if (buffer === undefined) return -Errno.EINVAL;
    if (buffer.onGpu) this.#setOnGpu(buffer, false);
    this.#buffers.delete(handle);
    this.#release(buffer);
    return 0;
  }

  #release(buffer: KfdBuffer): void {
    this.memory.free(buffer);
    const { flags, offset } = buffer;
    if ((flags & (AllocFlag.userptr | AllocFlag.doorbell)) !== 0) return;
    this.#surroundings.forget((flags & AllocFlag.mmioRemap) !== 0 ? this.#kfdFile : buffer.gpu, offset);
  }

  /** MAP_MEMORY_TO_GPU and its opposite: for each id of the caller's list. */
  map(view: DataView, onGpu: boolean): number {
    const buffer = this.#buffers.get(view.getBigUint64(0, true));
    const address = view.getBigUint64(8, true);
    const count = view.getUint32(16, true);
    let done = view.getUint32(20, true);
    if (count === 0 || count > this.#gpus.length || done > count) return -Errno.EINVAL;
    const ids = new Uint8Array(count * 4);
    this.#client.process.read(address, ids);
    if (buffer === undefined) return -Errno.ENOMEM;
    const list = new DataView(ids.buffer);
    for (; done < count; done++) {
      const gpu = gpuOf(this.#gpus, list.getUint32(done * 4, true));
      if (gpu === undefined) return -Errno.EINVAL;
      if (gpu.file === undefined) return -Errno.ENODEV;
      if (gpu.index === buffer.gpu) this.#setOnGpu(buffer, onGpu);
    }
    view.setUint32(20, done, true);
    return 0;
  }

  #setOnGpu(buffer: KfdBuffer, onGpu: boolean): void {
    if (buffer.onGpu === onGpu) return;
    buffer.onGpu = onGpu;
    const { file } = this.#gpus[buffer.gpu]!;
    const place = {
      address: buffer.address,
      size: buffer.size,
      ...(file === undefined ? {} : { file: file.node.file }),
    };
    if (onGpu) this.memory.add(buffer);
    else this.memory.remove(buffer);
    if (file === undefined) return;
    if (onGpu) file.node.device.mapBufferObject(place);
    else file.node.device.unmapBufferObject(place);
  }
}
