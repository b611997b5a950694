// Models: nothing - what the rules look at, and how they report.
import type { EffectHub } from '../kernel/effect-hub.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { GpuDevice } from '../gpu/gpu-device.ts';
import type { GpuVm } from '../svm/context.ts';
import type { OperationLog } from './operation-log.ts';

/** An open file whose SVM context is watched. */
export interface WatchedFile {
  /** Number of the device. */
  readonly device: number;
  readonly gpu: GpuDevice;
  readonly vm: GpuVm;
  readonly process: AddressSpace;
  readonly effects: EffectHub;
  /** Result of the conversion to a compute VM. */
  readonly computeResult: number;
}

/** A file, and where its rules report. */
export interface Watch extends WatchedFile {
  readonly log: OperationLog;
  /** Number of the operation that runs, from 1. */
  readonly operation: number;
  /** Whether the driver that runs has that entry of the catalogue. */
  holds(quirk: string): boolean;
  /** Whether a buffer of SVM is leaving VRAM for others. */
  readonly evicting: boolean;
  /** `story`: the pages whose past operations led there, if others than those of the hazard. */
  report(
    quirk: string,
    detail: string,
    startPage: number,
    pages: number,
    story?: { readonly startPage: number; readonly endPage: number },
  ): void;
}

/** "1 page", "3 pages". */
export function pagesText(pages: number): string {
  return pages === 1 ? '1 page' : `${pages} pages`;
}
