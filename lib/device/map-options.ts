/** How `memory.map` is asked to map. */
import { PAGE_SIZE } from '../uapi/constants.ts';
import { codedError, rangeError, show, typeError } from '../uapi/errors.ts';
import { addressOf, sizeOf } from '../uapi/range.ts';
import { HUGE_PAGES } from '../backend/host-region.ts';
import type { HugePages, MapRequest } from '../backend/host-region.ts';

/** Options of `memory.map`. Bytes; addresses and offsets are multiples of 4096. */
export interface HostMapOptions {
  /** Exactly there, or EEXIST: nothing that is mapped is replaced (MAP_FIXED_NOREPLACE). */
  readonly address?: bigint;
  /** There if it is free, else anywhere. Not together with `address`. */
  readonly hint?: bigint;
  /** Of the first byte: a power of two from 4096 on. Not together with `address` or `hint`. */
  readonly alignment?: number | bigint;
  /** Transparent huge pages: 'always' (MADV_HUGEPAGE) or 'never' (MADV_NOHUGEPAGE); default: what the system does. */
  readonly hugePages?: HugePages;
  /** MAP_SHARED: a child of fork, or everybody who maps the same `file`, sees what is written. Default false: private. */
  readonly shared?: boolean;
  /** Path of a file whose contents are mapped; it must reach to the end of the mapping. */
  readonly file?: string;
  /** Where in `file` the mapping begins. Default 0. */
  readonly offset?: number | bigint;
  /** Not available on any backend: `true` throws `ERR_SVM_NOT_AVAILABLE` (docs/api.md says what to do instead). */
  readonly sharedArrayBuffer?: boolean;
}

const NAMES = ['address', 'hint', 'alignment', 'hugePages', 'shared', 'file', 'offset', 'sharedArrayBuffer'];
const PAGE = BigInt(PAGE_SIZE);
const MOST = BigInt(Number.MAX_SAFE_INTEGER);

/** Checks size and options; TypeError or RangeError names the bad one. */
export function readMapRequest(size: unknown, options: HostMapOptions): MapRequest {
  const bytes = sizeOf('size', size);
  if (bytes === 0n || bytes % PAGE !== 0n || bytes > MOST) {
    throw rangeError(
      'ERR_SVM_OUT_OF_RANGE',
      `size: expected a positive multiple of ${PAGE_SIZE} bytes below 2^53, got ${bytes}`,
    );
  }
  if (typeof options !== 'object' || options === null)
    throw typeError('ERR_SVM_INVALID_TYPE', `options: expected an object, got ${show(options)}`);
  const unknown = Object.keys(options).find((name) => !NAMES.includes(name));
  if (unknown !== undefined) {
    throw rangeError('ERR_SVM_INVALID_OPTION', `options.${unknown}: unknown; known: ${NAMES.join(', ')}`);
  }
  if (flag('sharedArrayBuffer', options.sharedArrayBuffer)) {
    throw codedError(
      'ERR_SVM_NOT_AVAILABLE',
      'options.sharedArrayBuffer: pages that can be unmapped and protected cannot lie under a SharedArrayBuffer, which no thread may lose; copy with read() and write(), or map the same file with { shared: true }',
    );
  }
  const place = readPlace(options);
  const file = readFile(options);
  return {
    size: Number(bytes),
    shared: flag('shared', options.shared),
    ...place,
    ...(options.hugePages === undefined ? {} : { hugePages: hugePagesOf(options.hugePages, file !== undefined) }),
    ...(file === undefined ? {} : { file }),
  };
}

function readPlace({ address, hint, alignment }: HostMapOptions): Pick<MapRequest, 'address' | 'hint' | 'alignment'> {
  const given = Object.entries({ address, hint, alignment }).filter(([, value]) => value !== undefined);
  if (given.length > 1) {
    throw rangeError(
      'ERR_SVM_INVALID_OPTION',
      `options: only one of ${given.map(([name]) => name).join(', ')} may be given`,
    );
  }
  if (address !== undefined) {
    const first = addressOf('options.address', address);
    if (first === 0n || first % PAGE !== 0n)
      throw rangeError(
        'ERR_SVM_OUT_OF_RANGE',
        `options.address: expected a multiple of ${PAGE_SIZE} above 0, got ${first}`,
      );
    return { address: first };
  }
  if (hint !== undefined) return { hint: addressOf('options.hint', hint) };
  if (alignment === undefined) return {};
  const bytes = sizeOf('options.alignment', alignment);
  if (bytes < PAGE || (bytes & (bytes - 1n)) !== 0n || bytes > 1n << 40n)
    throw rangeError(
      'ERR_SVM_OUT_OF_RANGE',
      `options.alignment: expected a power of two from ${PAGE_SIZE} to 2^40, got ${bytes}`,
    );
  return { alignment: Number(bytes) };
}

function readFile({ file, offset }: HostMapOptions): MapRequest['file'] {
  if (file === undefined) {
    if (offset !== undefined) throw rangeError('ERR_SVM_INVALID_OPTION', 'options.offset: only together with file');
    return undefined;
  }
  if (typeof file !== 'string' || file === '' || file.includes('\0'))
    throw typeError('ERR_SVM_INVALID_TYPE', `options.file: expected a path, got ${show(file)}`);
  const first = sizeOf('options.offset', offset ?? 0);
  if (first % PAGE !== 0n || first > MOST)
    throw rangeError(
      'ERR_SVM_OUT_OF_RANGE',
      `options.offset: expected a multiple of ${PAGE_SIZE} below 2^53, got ${first}`,
    );
  return { path: file, offset: Number(first) };
}

function hugePagesOf(value: unknown, ofFile: boolean): HugePages {
  if (!HUGE_PAGES.includes(value as HugePages))
    throw rangeError(
      'ERR_SVM_INVALID_VALUE',
      `options.hugePages: expected ${HUGE_PAGES.join(' or ')}, got ${show(value)}`,
    );
  if (ofFile) throw rangeError('ERR_SVM_INVALID_OPTION', 'options.hugePages: not together with file');
  return value as HugePages;
}

function flag(name: string, value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value === true;
  throw typeError('ERR_SVM_INVALID_TYPE', `options.${name}: expected true or false, got ${show(value)}`);
}
