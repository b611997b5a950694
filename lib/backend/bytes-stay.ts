/**
 * The bytes of a mapping stay where they are: an ArrayBuffer that was moved away would leave its owner without contents,
 * or with an address that somebody else writes to.
 */
const MOVING = ['transfer', 'transferToFixedLength', 'transferToImmutable'] as const;

/** An ArrayBuffer whose bytes nobody but its owner can move away. */
export interface DetachableBytes {
  /** Another one after `detach`, with the same contents. */
  readonly buffer: ArrayBuffer;
  /** The buffer that was given out becomes empty. */
  detach(): void;
}

const WASM_PAGE = 1 << 16;

/** Of the engine; TypeScript declares it with the browser's interfaces only. */
const { WebAssembly } = globalThis as unknown as {
  readonly WebAssembly: {
    readonly Memory: new (size: { readonly initial: number; readonly maximum: number }) => {
      readonly buffer: ArrayBuffer;
      grow(pages: number): number;
    };
  };
};

/**
 * `size` zeros. The memory of WebAssembly is what the engine lets nobody detach but its owner, by growing it. Each takes
 * 10 GiB of the addresses of the process (not of its memory): where those are used up (13,000 at once) or limited
 * (`ulimit -v`), it is an ordinary ArrayBuffer, which only its methods keep from being moved.
 */
export function detachableBytes(size: number): DetachableBytes {
  const pages = Math.ceil(size / WASM_PAGE);
  try {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    return {
      get buffer() {
        return keepBytesHere(memory.buffer);
      },
      detach: () => void memory.grow(0),
    };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return new OrdinaryBytes(size);
  }
}

class OrdinaryBytes implements DetachableBytes {
  #buffer: ArrayBuffer;

  constructor(size: number) {
    this.#buffer = keepBytesHere(new ArrayBuffer(size));
  }

  get buffer(): ArrayBuffer {
    return this.#buffer;
  }

  detach(): void {
    this.#buffer = keepBytesHere(structuredClone(this.#buffer, { transfer: [this.#buffer] }));
  }
}

/**
 * The same buffer, whose methods to move the bytes throw a TypeError with code `ERR_SVM_NOT_TRANSFERABLE`. postMessage and
 * structuredClone refuse to transfer the memory of an addon by themselves (Node 20: they copy it), so it needs no
 * `markAsUntransferable`, which from Node 24 on would keep its owner from detaching it.
 */
export function keepBytesHere(buffer: ArrayBuffer): ArrayBuffer {
  if (!Object.hasOwn(buffer, MOVING[0]))
    for (const name of MOVING) Object.defineProperty(buffer, name, { value: refuse, configurable: true });
  return buffer;
}

function refuse(): never {
  throw Object.assign(
    new TypeError(
      'bytes: the memory of a mapping cannot be moved to another ArrayBuffer or thread; copy it with slice()',
    ),
    { code: 'ERR_SVM_NOT_TRANSFERABLE' },
  );
}
