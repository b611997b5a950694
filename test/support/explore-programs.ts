/** Small programs for the race explorer, without a hint where in them the race is. */
import type { ProgramSource } from '../../lib/explore/index.ts';
import { T, TraceScript, V } from '../../lib/trace/hazards/script.ts';
import type { OperationObject } from '../../lib/trace/operations/descriptor.ts';

/** Pages of one GPU range. */
const CHUNK = 16;

function script(write: (s: TraceScript) => void): OperationObject[] {
  const s = new TraceScript();
  write(s);
  return s.operations;
}

/** A set-up and threads. */
export function program(
  setup: (s: TraceScript) => void,
  ...threads: readonly ((s: TraceScript) => void)[]
): ProgramSource {
  return { setup: script(setup), threads: threads.map(script) };
}

/** A page of other memory. */
const FAR = V + 512;

const mapped = (s: TraceScript): void => s.map(V, CHUNK);
const registered = (s: TraceScript): void => {
  mapped(s);
  s.set(V, CHUNK, [T.access, 2]);
};
const onGpu = (s: TraceScript): void => {
  registered(s);
  s.access(V);
  s.later();
};

/** On a file that has no context: the first call makes one. */
function beforeTheContext(source: ProgramSource): ProgramSource {
  return { config: { lazy: true }, ...source };
}

/** What two threads do, by what they do; `preemptions` where 2 are not enough. */
export const RACY_PROGRAMS: Readonly<Record<string, ProgramSource & { readonly preemptions?: number }>> = {
  'prefetch / discard': program(
    mapped,
    (s) => s.prefetch(CHUNK),
    (s) => s.discard(V, CHUNK),
  ),
  'prefetch / unmap, collect': program(
    mapped,
    (s) => s.prefetch(CHUNK),
    (s) => {
      s.unmap(V, CHUNK);
      s.gc();
    },
  ),
  'fault / set': program(
    mapped,
    (s) => s.fault(V),
    (s) => s.set(V + 2, 2, [T.gpuExecutable, 1]),
  ),
  'prefetch / set': program(
    registered,
    (s) => s.prefetch(CHUNK),
    (s) => s.set(V + 4, 4, [T.gpuReadOnly, 1]),
  ),
  'set / unmap': program(
    onGpu,
    (s) => s.set(V, 4, [T.gpuReadOnly, 1]),
    (s) => s.unmap(V + 8, 1),
  ),
  'unmap, collect / unmap': program(
    onGpu,
    (s) => {
      s.unmap(V, 1);
      s.gc();
    },
    (s) => s.unmap(V + 5, 1),
  ),
  'fault / discard, discard, discard': {
    ...program(
      mapped,
      (s) => s.fault(V),
      (s) => {
        for (let round = 0; round < 3; round++) s.discard(V, CHUNK);
      },
    ),
    preemptions: 3,
  },
  'unmap, unmap / the ring empties': program(
    (s) => {
      onGpu(s);
      s.interrupts(5);
    },
    (s) => {
      s.unmap(V, 4);
      s.unmap(V + 4, 4);
    },
    (s) => s.add({ ih: { ring: 'soft', pending: false } }),
  ),
  'first set / first set': beforeTheContext(
    program(
      mapped,
      (s) => s.set(V, CHUNK, [T.gpuReadOnly, 1]),
      (s) => s.set(V, CHUNK, [T.gpuExecutable, 1]),
    ),
  ),
  'fault / the context ends': program(
    mapped,
    (s) => s.fault(V),
    (s) => s.add({ fini: {} }),
  ),
};

/** Where the RESET of later revisions takes part. */
export const RESET_PROGRAMS: Readonly<Record<string, ProgramSource>> = {
  'fault / reset': program(
    registered,
    (s) => s.fault(V),
    (s) => s.reset(V, CHUNK),
  ),
  'prefetch / reset': program(
    registered,
    (s) => s.prefetch(CHUNK),
    (s) => s.reset(V, CHUNK),
  ),
};

/** The time of the restore worker has come, one works, another one changes the memory. */
function restored(...change: readonly ((s: TraceScript) => void)[]): ProgramSource {
  const { setup, threads } = program(
    (s) => {
      mapped(s);
      s.set(V, CHUNK, [T.access, 1]);
      s.discard(V, 1);
      s.add({ advance: { ns: 1_000_000 } });
    },
    (s) => s.add({ work: {} }),
    ...change,
  );
  return { config: { profile: 'v7-xnack-off', xnackOff: true }, setup: setup!, threads };
}

function withVram({ setup, threads }: ProgramSource): ProgramSource {
  return { config: { vram: 1 << 24 }, setup: setup!, threads };
}

/** A fault here; there something is unmapped, and what waits for the collector follows. */
function beside(call: (s: TraceScript) => void): ProgramSource {
  return program(
    (s) => {
      onGpu(s);
      s.map(FAR, CHUNK);
    },
    (s) => s.fault(FAR),
    (s) => {
      s.unmap(V, 1);
      call(s);
    },
  );
}

/** In these the mutants of scripts/mutants-races.mjs show. */
export const MUTANT_PROGRAMS: Readonly<Record<string, ProgramSource & { readonly preemptions?: number }>> = {
  ...RACY_PROGRAMS,
  'fault / fault': program(
    mapped,
    (s) => s.fault(V),
    (s) => s.fault(V + 1, true),
  ),
  'fault / unmap, set': beside((s) => s.set(V + 4, 4, [T.gpuReadOnly, 1])),
  'fault / unmap, get': beside((s) => s.get(V + 4, 4, T.gpuReadOnly)),
  'fault / unmap, reset': beside((s) => s.reset(V + 4, 4)),
  'restore / discard': restored((s) => s.discard(V + 2, 1)),
  'restore / unmap': restored((s) => s.unmap(V + 2, 1)),
  'read / discard': program(
    (s) => {
      mapped(s);
      s.store(V, CHUNK, 5);
    },
    (s) => s.gpuLoad(V + 3),
    (s) => s.discard(V + 4, 4),
  ),
  'with VRAM: write, read / read': withVram(
    program(
      (s) => {
        s.map(V, CHUNK);
        s.store(V, CHUNK, 5);
        s.set(V, CHUNK, [T.preferredLocation, 1]);
      },
      (s) => {
        s.fault(V, true);
        s.gpuLoad(V + 3);
      },
      (s) => s.load(V, 2),
    ),
  ),
  'with VRAM: fault / discard': withVram(
    program(
      mapped,
      (s) => s.fault(V),
      (s) => s.discard(V, 1),
    ),
  ),
};

/** Correct by construction: threads on different memory, or threads that only look. */
export const CONTROL_PROGRAMS: Readonly<Record<string, ProgramSource>> = {
  'each thread has its own memory': program(
    (s) => {
      mapped(s);
      s.map(FAR, CHUNK);
    },
    (s) => {
      s.set(V, CHUNK, [T.access, 2]);
      s.access(V, 1, true);
      s.get(V, CHUNK, T.access);
    },
    (s) => {
      s.set(FAR, CHUNK, [T.gpuExecutable, 1]);
      s.access(FAR, CHUNK, true);
      s.get(FAR, CHUNK, T.gpuExecutable);
    },
  ),
  'one works, one unmaps what is its own': program(
    (s) => {
      onGpu(s);
      s.map(FAR, CHUNK);
      s.set(FAR, CHUNK, [T.access, 2]);
      s.access(FAR, CHUNK, true);
      s.later();
    },
    (s) => {
      s.access(V, CHUNK, true);
      s.get(V, CHUNK, T.access);
    },
    (s) => {
      s.unmap(FAR, CHUNK);
      s.gc();
    },
  ),
  'each thread has its own GPU, and one ends its context': {
    config: { gpus: 2 },
    ...program(
      mapped,
      (s) => {
        s.set(V, CHUNK, [T.access, 2]);
        s.add({ fini: {} });
      },
      (s) => {
        s.add({ set: { addr: addressOf(V), size: '0x10000', attrs: [[T.gpuExecutable, 1]], gpu: 1 } });
        s.add({ fault: { addr: addressOf(V), write: false, gpu: 1 } });
      },
    ),
  },
  'the context ends when its threads have': program(
    onGpu,
    (s) => {
      s.get(V, CHUNK, T.access);
      s.add({ fini: {} });
    },
    (s) => s.touch(V, CHUNK, false),
  ),
  'all only look': program(
    onGpu,
    (s) => {
      s.get(V, CHUNK, T.access, T.gpuExecutable);
      s.access(V, CHUNK);
    },
    (s) => {
      s.touch(V, CHUNK, false);
      s.get(V, 1, T.access);
    },
    (s) => s.access(V, CHUNK),
  ),
  'the GPU reads what the CPU wrote': program(
    registered,
    (s) => s.add({ access: { addr: addressOf(V), len: '0x1000', write: false, vals: true } }),
    (s) => s.get(V, CHUNK, T.access),
  ),
};

function addressOf(page: number): string {
  return `0x${(page * 4096).toString(16)}`;
}
