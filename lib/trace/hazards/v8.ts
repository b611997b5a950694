/** Traces of the hazards of memory that moves to VRAM and back, which came with PATCH v8. */
import type { HazardScenario, HazardScenarios } from './scenario.ts';
import { BLOCK, T, V } from './script.ts';
import type { TraceScript } from './script.ts';

/** Pages of the smaller chunk. */
const CHUNK = 16;
const PAGE = 4096;

interface Scenario {
  /** Pages of VRAM of each GPU; default 16 MiB. */
  readonly vram?: number;
  /** Two GPUs in one hive. */
  readonly hive?: boolean;
  readonly coherent?: boolean;
  /** Huge pages move as one. */
  readonly thpMig?: boolean;
  readonly write: HazardScenario['write'];
}

/** Both GPUs want the pages. */
function wantedByBoth(s: TraceScript): void {
  s.preferred(V, CHUNK);
  s.set(V, CHUNK, [T.preferredLocation, 1]);
  s.onGpu(1);
  s.fault(V);
  s.fault(V);
  s.onGpu(1);
}

const WRITES: Readonly<Record<string, Scenario>> = {
  'V8-D1': {
    write: (s) => {
      s.preferred(V, CHUNK);
      s.fault(V);
      s.protect(V, CHUNK, 'r');
      s.later();
      s.fault(V);
    },
  },
  'V8-D3': { hive: true, coherent: true, write: wantedByBoth },
  'V8-D4': {
    thpMig: true,
    write: (s) => {
      s.preferred(V, BLOCK, 'thp');
      s.gpuLoad(V, BLOCK);
    },
  },
  'V8-D5': {
    vram: BLOCK,
    write: (s) => {
      s.preferred(V, 2 * BLOCK);
      s.fault(V);
      s.fault(V + BLOCK);
      s.later();
      s.gpuLoad(V + 5);
    },
  },
  'V8-D6': {
    write: (s) => {
      s.preferred(V, CHUNK);
      s.fault(V);
      s.discard(V + 4, 2);
      s.load(V);
      s.later();
      s.gpuLoad(V + 8);
    },
  },
  'V8-D8': {
    write: (s) => {
      s.preferred();
      s.fault(V);
      s.set(V + 8, 8, [T.gpuReadOnly, 1]);
    },
  },
  'V8-D9': {
    write: (s) => {
      s.preferred(V, BLOCK, 'file');
      s.fault(V);
    },
  },
  'V8-D10': {
    vram: BLOCK,
    write: (s) => {
      s.preferred();
      s.fault(V);
      s.protect(V, BLOCK, 'r');
      s.later();
      s.fault(V);
    },
  },
  'V8-D11': { hive: true, write: wantedByBoth },
  'V8-D12': {
    write: (s) => {
      s.preferred(V, CHUNK);
      s.fault(V);
      s.load(V);
      s.failing({ at: 'copy', err: -5 });
    },
  },
  'ping-pong': {
    write: (s) => {
      s.preferred(V, CHUNK);
      for (let round = 0; round < 5; round++) {
        s.later();
        s.fault(V);
        s.load(V);
      }
    },
  },
  thrash: {
    vram: CHUNK,
    write: (s) => {
      s.preferred(V, CHUNK);
      s.preferred(V + BLOCK, CHUNK);
      for (let round = 0; round < 5; round++) {
        s.later();
        s.fault(V);
        s.discard(V + CHUNK, 1);
        s.fault(V + BLOCK);
      }
    },
  },
};

export const V8_SCENARIOS: HazardScenarios = Object.fromEntries(
  Object.entries(WRITES).map(([id, { vram = 8 * BLOCK, hive = false, coherent = false, thpMig = false, write }]) => [
    id,
    {
      config: { vram: vram * PAGE, thpMig, ...(coherent ? { coherent } : {}), ...(hive ? { gpus: 2, hive: 'h' } : {}) },
      write,
    },
  ]),
);
