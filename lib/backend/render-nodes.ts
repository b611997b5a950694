/**
 * The render nodes of this machine and whether they have the SVM ioctl.
 *
 * The ioctl itself is never issued to find out: its number belongs to another
 * ioctl on newer kernels. The driver says its name, the kernel's
 * symbol table says whether the handler is compiled in.
 */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { KernelNode } from './kernel-node.ts';
import { type DriverVersion, type NativeAddon, nativeSupport, systemError } from './native-addon.ts';

/** 'unknown' means: only the user can say, by naming the profile. */
export type SvmPresence = 'present' | 'absent' | 'unknown';

export interface RenderNode {
  /** '/dev/dri/renderD128' */
  readonly path: string;
  /** Identity of the driver; undefined when the node could not be asked. */
  readonly driver: DriverVersion | undefined;
  readonly svm: SvmPresence;
  /** One sentence: how `svm` is known, or why it isn't there. */
  readonly reason: string;
}

export interface RenderNodeList {
  /** By number, lowest first. */
  readonly nodes: readonly RenderNode[];
  /** Why `nodes` is empty, '' when it isn't. */
  readonly reason: string;
}

/** Where to look; the defaults are those of Linux. */
export interface RenderNodeSearch {
  /** Folder of the device files, '/dev/dri'. */
  readonly directory?: string;
  /** The kernel's symbol table, '/proc/kallsyms'. */
  readonly symbols?: string;
  /** By default the one of `nativeSupport`. */
  readonly addon?: NativeAddon;
  /** Opens a node to ask for its driver. Default: through the addon. */
  readonly open?: (path: string) => { driverVersion(): DriverVersion | number; close(): void };
}

const SVM_SYMBOL = 'amdgpu_gem_svm_ioctl';
const SAY_PROFILE = 'unknown: say profile "v4" explicitly';

/** Lists the render nodes. Opens and closes each; never throws, what failed is in the reasons. */
export function listRenderNodes(search: RenderNodeSearch = {}): RenderNodeList {
  const directory = search.directory ?? '/dev/dri';
  let numbers: number[];
  try {
    numbers = readdirSync(directory)
      .map((name) => /^renderD(\d+)$/.exec(name))
      .filter((match) => match !== null)
      .map((match) => Number(match[1]))
      .sort((a, b) => a - b);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return {
      nodes: [],
      reason: missing ? `there is no ${directory}` : `${directory} can't be listed: ${messageOf(error)}`,
    };
  }
  if (numbers.length === 0) return { nodes: [], reason: `there is no renderD* in ${directory}` };

  // Scanned at most once, and only when some node needs it: the table has millions of bytes.
  let scan: SymbolScan | undefined;
  const symbols = () => (scan ??= scanKernelSymbols(search.symbols));
  return { nodes: numbers.map((number) => inspect(join(directory, `renderD${number}`), search, symbols)), reason: '' };
}

function inspect(path: string, { addon, open }: RenderNodeSearch, symbols: () => SymbolScan): RenderNode {
  const unknown = (reason: string): RenderNode => ({ path, driver: undefined, svm: 'unknown', reason });
  if (open === undefined && addon === undefined && !nativeSupport().available) return unknown(nativeSupport().reason);
  let driver: DriverVersion | number;
  try {
    const node = open?.(path) ?? KernelNode.open(path, addon);
    try {
      driver = node.driverVersion();
    } finally {
      node.close();
    }
  } catch (error) {
    return unknown(messageOf(error));
  }
  if (typeof driver === 'number') {
    return unknown(systemError(driver, 'ioctl', { path, note: 'DRM_IOCTL_VERSION' }).message);
  }
  if (driver.name !== 'amdgpu') {
    return { path, driver, svm: 'absent', reason: `the driver is ${driver.name}, not amdgpu` };
  }
  return { path, driver, ...symbols() };
}

/** Whether the kernel has the handler of the ioctl. */
export interface SymbolScan {
  readonly svm: SvmPresence;
  /** One sentence. */
  readonly reason: string;
}

/**
 * Looks for `amdgpu_gem_svm_ioctl` in a symbol table in the format of
 * /proc/kallsyms, which everybody may read (the addresses are zero then). It is
 * asked about machines that run amdgpu: a table that can't be read, or shows no
 * symbol of amdgpu at all, proves nothing and gives 'unknown'. Never throws.
 */
export function scanKernelSymbols(path: string = '/proc/kallsyms'): SymbolScan {
  let sawAmdgpu = false;
  try {
    const file = openSync(path, 'r');
    try {
      const chunk = Buffer.allocUnsafe(256 * 1024);
      let kept = 0;
      for (;;) {
        const count = readSync(file, chunk, kept, chunk.length - kept, null);
        const text = chunk.subarray(0, kept + count);
        if (hasSymbol(text, count === 0)) return { svm: 'present', reason: `the kernel has ${SVM_SYMBOL} (${path})` };
        sawAmdgpu ||= text.includes(' amdgpu_');
        if (count === 0) break;
        // A name may straddle two chunks: the last bytes, more than the name and
        // what surrounds it, are looked at again together with the next chunk.
        kept = Math.min(64, text.length);
        chunk.copyWithin(0, text.length - kept, text.length);
      }
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return { svm: 'unknown', reason: `${messageOf(error)}; ${SAY_PROFILE}` };
  }
  if (sawAmdgpu) return { svm: 'absent', reason: `the amdgpu driver of this kernel has no ${SVM_SYMBOL} (${path})` };
  return { svm: 'unknown', reason: `${path} shows no symbol of amdgpu, it is filtered; ${SAY_PROFILE}` };
}

/** The symbol as a whole name: "T amdgpu_gem_svm_ioctl\t[amdgpu]", also with a suffix of the compiler (".llvm.123"). */
function hasSymbol(text: Buffer, atEnd: boolean): boolean {
  const wanted = ` ${SVM_SYMBOL}`;
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    // At the end of a chunk the byte after the name is not there yet; the next round has it.
    const next = text[at + wanted.length];
    if (next === undefined ? atEnd : '\n\t .'.includes(String.fromCharCode(next))) return true;
  }
  return false;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
