/** Which pages the threads of a program are about. */
import type { TraceOperation } from '../trace/operations/index.ts';
import type { ExploreProgram } from './program.ts';

interface Pages {
  readonly first: bigint;
  /** Exclusive. */
  readonly end: bigint;
}

/** The bytes an operation is about; undefined where it is about more than those of an interval. */
function bytesOf(operation: TraceOperation): Pages | 'none' | undefined {
  switch (operation.name) {
    case 'fault':
      return { first: operation.address, end: operation.address + 1n };
    case 'mmap':
    case 'munmap':
    case 'mprotect':
    case 'dontneed':
    case 'touch':
    case 'store':
    case 'load':
    case 'access':
    case 'set':
    case 'get':
    case 'reset':
      return { first: operation.address, end: operation.address + operation.size };
    case 'gc':
    case 'work':
    case 'advance':
    case 'ih':
      return 'none';
    default:
      return undefined;
  }
}

/** Whether no thread is about a page that another one is about, so that their order should not matter. */
export function isDisjoint({ threads }: ExploreProgram): boolean {
  const all: Pages[][] = [];
  for (const thread of threads) {
    const own: Pages[] = [];
    for (const { operation } of thread) {
      const bytes = bytesOf(operation);
      if (bytes === undefined) return false;
      if (bytes === 'none') continue;
      const pages = { first: bytes.first >> 12n, end: (bytes.end + 0xfffn) >> 12n };
      if (all.some((other) => other.some(({ first, end }) => pages.first < end && first < pages.end))) return false;
      own.push(pages);
    }
    all.push(own);
  }
  return true;
}

/** Whether operations read or write what is in pages. */
export function touchesContents({ setup, threads, end }: ExploreProgram): boolean {
  return [...setup, ...threads.flat(), ...end].some(
    ({ operation }) =>
      operation.name === 'store' ||
      operation.name === 'load' ||
      (operation.name === 'access' && (operation.value !== undefined || operation.showsValues === true)),
  );
}
