/** The render nodes of this machine and whether they have the SVM ioctl. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { KernelNode } from './kernel-node.ts';
import { scanKernelRevision } from './kernel-revision.ts';
import type { KernelRevisionScan } from './kernel-revision.ts';
import { type NativeAddon, nativeSupport } from './native-addon.ts';
import { inspectNode } from './node-inspection.ts';
import type { InspectedNode, KernelSurroundings, RenderNode } from './node-inspection.ts';

export type { SvmPresence } from './kernel-revision.ts';
export type { RenderNode } from './node-inspection.ts';

/** Render nodes of the machine, and why there are none. */
export interface RenderNodeList {
  /** By number, lowest first. */
  readonly nodes: readonly RenderNode[];
  /** Why `nodes` is empty, '' when it isn't. */
  readonly reason: string;
}

/** Where to look; the defaults are those of Linux. */
export interface RenderNodeSearch extends KernelSurroundings {
  /** Folder of the device files, '/dev/dri'. */
  readonly directory?: string;
  /** By default the one of `nativeSupport`. */
  readonly addon?: NativeAddon;
  /** Opens a node to ask for its driver. Default: through the addon. */
  readonly open?: (path: string) => InspectedNode & { close(): void };
}

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
  let scan: KernelRevisionScan | undefined;
  const scanOnce = () => (scan ??= scanKernelRevision(search.symbols));
  return {
    nodes: numbers.map((number) => inspectPath(join(directory, `renderD${number}`), search, scanOnce)),
    reason: '',
  };
}

function inspectPath(path: string, search: RenderNodeSearch, scan: () => KernelRevisionScan): RenderNode {
  const { addon, open } = search;
  const unknown = (reason: string): RenderNode => ({
    path,
    driver: undefined,
    svm: 'unknown',
    revision: undefined,
    noretry: undefined,
    reason,
  });
  if (open === undefined && addon === undefined && !nativeSupport().available) return unknown(nativeSupport().reason);
  try {
    const node = open?.(path) ?? KernelNode.open(path, addon);
    try {
      return inspectNode(node, search, scan);
    } finally {
      node.close();
    }
  } catch (error) {
    return unknown(messageOf(error));
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
