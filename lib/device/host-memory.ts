/** Host memory that CPU and GPU share at the same addresses; one interface on both backends. */
import type { HostRegion, HostRegionMapper } from '../backend/host-region.ts';
import { HostView } from './host-view.ts';
import { readMapRequest } from './map-options.ts';
import type { HostMapOptions } from './map-options.ts';

/** Makes mappings of the process that the device mirrors. */
export class HostMemory {
  readonly #mapper: HostRegionMapper;
  readonly #assertOpen: () => void;

  /** Use `device.memory`. */
  constructor(mapper: HostRegionMapper, assertOpen: () => void) {
    this.#mapper = mapper;
    this.#assertOpen = assertOpen;
  }

  /**
   * Maps `size` bytes, a positive multiple of 4096: readable and writable, and unless `options` say otherwise private,
   * zero filled and anywhere. Throws a TypeError or RangeError that names a bad argument (`ERR_SVM_OUT_OF_RANGE` also for
   * a file that ends before the mapping), `ERR_SVM_CLOSED` after the device was closed, and the system's error when it
   * refuses: ENOMEM; EEXIST for an `address` that is taken; those of open(2) for a `file`.
   */
  map(size: number | bigint, options: HostMapOptions = {}): HostBuffer {
    this.#assertOpen();
    return new HostBuffer(this.#mapper.map(readMapRequest(size, options)));
  }
}

/** A mapping: a `HostView` of all of it that can also be unmapped. */
export class HostBuffer extends HostView {
  /** Use `device.memory.map`. */
  constructor(region: HostRegion) {
    super({ region, unmapped: false }, 0, region.size);
  }

  /** munmap of whole pages (default: everything). After the whole buffer was unmapped a further call does nothing. */
  unmap(offset = 0, length: number = this.size - offset): void {
    if (this.mapped.unmapped) return;
    this.assertPages(offset, length);
    this.mapped.region.unmap(offset, length);
    this.mapped.unmapped = offset === 0 && length === this.size;
  }

  /** As `unmap`, and may be called after it. */
  [Symbol.dispose](): void {
    this.unmap();
  }
}
