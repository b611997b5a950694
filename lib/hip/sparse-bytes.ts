/** Bytes of which most were never written: the contents of device memory. */

const CHUNK = 1 << 16;

/** `size` zeros at first, which take memory as they are written. The callers check that offsets and lengths are inside. */
export class SparseBytes {
  readonly #chunks = new Map<number, Uint8Array<ArrayBuffer>>();

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    this.#each(offset, length, (chunk, within, at, count) => {
      const found = this.#chunks.get(chunk);
      if (found !== undefined) bytes.set(found.subarray(within, within + count), at);
    });
    return bytes;
  }

  write(offset: number, data: Uint8Array): void {
    this.#each(offset, data.length, (chunk, within, at, count) =>
      this.#chunk(chunk).set(data.subarray(at, at + count), within),
    );
  }

  fill(offset: number, length: number, byte: number): void {
    this.#each(offset, length, (chunk, within, _at, count) => this.#chunk(chunk).fill(byte, within, within + count));
  }

  #chunk(index: number): Uint8Array<ArrayBuffer> {
    let chunk = this.#chunks.get(index);
    if (chunk === undefined) this.#chunks.set(index, (chunk = new Uint8Array(CHUNK)));
    return chunk;
  }

  #each(
    offset: number,
    length: number,
    visit: (chunk: number, within: number, at: number, count: number) => void,
  ): void {
    for (let at = 0; at < length;) {
      const within = (offset + at) % CHUNK;
      const count = Math.min(CHUNK - within, length - at);
      visit((offset + at - within) / CHUNK, within, at, count);
      at += count;
    }
  }
}
