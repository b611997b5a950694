/** Pages that somebody keeps where they are, counted, as one page may be kept by several. */
import type { EmulatedProcess } from '../../emulator/index.ts';
import { EmulatedSyscallError } from '../../emulator/index.ts';
import { PAGE_SIZE } from '../uapi/constants.ts';

const PAGE = BigInt(PAGE_SIZE);

/** How often each page of a process is kept; the process itself has one reference for all of them. */
const countsOf = new WeakMap<object, Map<bigint, number>>();

/**
 * Keeps the pages that contain `size` bytes from `address` on, as get_user_pages does; the function that is returned lets
 * them go. Throws the process's EFAULT where nothing is mapped, and keeps none then.
 */
export function pinPages(process: EmulatedProcess, address: bigint, size: bigint): () => void {
  let counts = countsOf.get(process);
  if (counts === undefined) countsOf.set(process, (counts = new Map()));
  const kept = counts;
  const first = address & ~(PAGE - 1n);
  const pages: bigint[] = [];
  const letGo = (): void => {
    for (const page of pages.splice(0)) {
      const count = kept.get(page)! - 1;
      if (count > 0) kept.set(page, count);
      else {
        kept.delete(page);
        process.calls.unpin(page, PAGE);
      }
    }
  };
  for (let page = first; page < address + size; page += PAGE) {
    const count = kept.get(page) ?? 0;
    const result = count > 0 ? 0 : process.calls.pin(page, PAGE).result;
    if (result < 0) {
      letGo();
      throw new EmulatedSyscallError(result, 'pin', `0x${page.toString(16)}`);
    }
    kept.set(page, count + 1);
    pages.push(page);
  }
  return letGo;
}
