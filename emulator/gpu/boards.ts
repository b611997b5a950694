// Models: the VRAM of real boards - data (spec/migration §1). Sources: AMD's product pages and data sheets of each board,
// "Memory Specifications"; of boards with two GPUs (MI250X) the half that one of them has.
import type { AsicName } from './catalogue.ts';

const GIB = 2 ** 30;

/** Bytes of VRAM on the board that the catalogue names, for one GPU. */
export const BOARD_VRAM: Readonly<Record<AsicName, number>> = {
  gfx900: 8 * GIB,
  gfx906: 32 * GIB,
  'gfx906-xnack': 32 * GIB,
  gfx908: 32 * GIB,
  'gfx908-xnack': 32 * GIB,
  gfx90a: 64 * GIB,
  gfx942: 192 * GIB,
  // MI300A: its 128 GiB are memory of the system.
  'gfx942-apu': 0,
  gfx950: 288 * GIB,
  gfx1030: 16 * GIB,
  gfx1100: 24 * GIB,
  gfx1201: 16 * GIB,
};
