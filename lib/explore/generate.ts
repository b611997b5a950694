/** Programs made by chance, and the smallest ones that still show what they showed. */
import { UAPI_PROFILES } from '../uapi/profile.ts';
import type { TraceConfig } from '../trace/format/config.ts';
import { T, TraceScript, V } from '../trace/hazards/script.ts';
import type { Pair } from '../trace/hazards/script.ts';
import type { OperationObject } from '../trace/operations/descriptor.ts';
import { Chance } from './chance.ts';
import { explore } from './explorer.ts';
import type { Finding } from './findings.ts';
import { parseProgram } from './program.ts';
import type { ProgramSource } from './program.ts';

type ProfileName = TraceConfig['profile'];

/** Pages that the operations of generated programs are about: one GPU range of 64 KiB. */
const PAGES = 16;
const MOST_OPERATIONS = 3;

/** Parts of the range, those first that most often matter. */
const PARTS: readonly (readonly [page: number, pages: number])[] = [
  [0, PAGES],
  [0, PAGES],
  [0, 1],
  [0, 4],
  [4, 4],
  [5, 1],
  [8, 8],
];

const CHANGES: readonly Pair[] = [
  [T.prefetchLocation, 1],
  [T.prefetchLocation, 1],
  [T.gpuReadOnly, 1],
  [T.gpuReadOnly, 0],
  [T.gpuExecutable, 1],
  [T.access, 2],
];

type Writer = (script: TraceScript, page: number, pages: number, chance: Chance) => void;

const OPERATIONS: readonly Writer[] = [
  (s, page, pages, chance) => s.set(page, pages, chance.of(CHANGES)),
  (s, page, pages, chance) => s.set(page, pages, chance.of(CHANGES)),
  (s, page, _pages, chance) => s.fault(page, chance.below(2) === 1),
  (s, page, pages) => s.unmap(page, pages),
  (s, page, pages) => s.unmap(page, pages),
  (s, page, pages) => s.discard(page, pages),
  (s, page, pages) => s.discard(page, pages),
  (s) => s.gc(),
  (s) => s.gc(),
  (s, page, pages, chance) => s.protect(page, pages, chance.of(['r', 'rw'])),
  (s, page, pages) => s.map(page, pages),
  (s, page, pages) => s.get(page, pages, T.gpuReadOnly, T.prefetchLocation),
  (s, page, pages) => s.touch(page, pages),
];
const RESET: Writer = (s, page, pages) => s.reset(page, pages);
/** Without retry faults: the time of the works comes, and they run. */
const WORK: Writer = (s) => {
  s.add({ advance: { ns: 1_000_000 } });
  s.add({ work: {} });
};

/** The program number `index` of a seed. */
function generateProgram(profile: ProfileName, seed: number, index: number): ProgramSource {
  const chance = new Chance(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  const setup = new TraceScript();
  setup.map(V, PAGES);
  if (chance.below(2) === 1) setup.set(V, PAGES, [T.access, 2]);
  if (chance.below(2) === 1) {
    setup.access(V, 1, true);
    setup.later();
  }
  if (chance.below(4) === 0) setup.unmap(V + 1, 1);
  const { operations, behaviour } = UAPI_PROFILES[profile];
  const isOff = behaviour.runsWithoutRetryFaults;
  const pool = [
    ...OPERATIONS,
    ...('resetAttributes' in operations ? [RESET, RESET] : []),
    ...(isOff ? [WORK, WORK, WORK] : []),
  ];
  if (isOff && chance.below(2) === 1) {
    // A restore that is due.
    setup.discard(V, 1);
    setup.add({ advance: { ns: 1_000_000 } });
  }
  const threads = Array.from({ length: 2 }, () => {
    const script = new TraceScript();
    for (let count = 1 + chance.below(MOST_OPERATIONS); count > 0; count--) {
      const [page, pages] = chance.of(PARTS);
      chance.of(pool)(script, V + page, pages, chance);
    }
    return script.operations;
  });
  const off = isOff ? { xnackOff: true } : {};
  return { config: { profile, ...off }, setup: setup.operations, threads };
}

/** How much is generated and explored. */
export interface GenerateOptions {
  readonly profile: ProfileName;
  /** Programs. */
  readonly programs: number;
  readonly seed: number;
  readonly preemptions: number;
  /** The most schedules of one program. */
  readonly schedules: number;
  /** Only each `count`th program, from the `index`th on; `index` from 1 to `count`. */
  readonly shard?: { readonly index: number; readonly count: number };
}

/** A race, and the smallest program in which it was found. */
interface GeneratedFinding extends Finding {
  readonly program: ProgramSource;
  /** Which of the programs it was found in, from 0. */
  readonly number: number;
}

/** What came of generated programs. */
export interface Generated {
  /** What no serial order of its program shows, each once. */
  readonly findings: readonly GeneratedFinding[];
  readonly programs: number;
  /** Schedules of all programs, those of shrinking not counted. */
  readonly schedules: number;
}

/** Generates programs, explores them, and shrinks those that show what none before has shown. */
export function exploreGenerated(options: GenerateOptions): Generated {
  const { profile, programs, seed, preemptions, schedules: most, shard = { index: 1, count: 1 } } = options;
  const found = new Map<string, GeneratedFinding>();
  let [schedules, explored] = [0, 0];
  for (let index = shard.index - 1; index < programs; index += shard.count) {
    explored++;
    const source = generateProgram(profile, seed, index);
    const result = explore(parseProgram('generated', source), { preemptions, schedules: most });
    schedules += result.schedules + result.merged + result.blocked;
    for (const finding of result.findings) {
      if (finding.preemptions > 0 && !found.has(finding.id))
        found.set(finding.id, { ...shrinkProgram(source, finding, preemptions, most), number: index });
    }
  }
  const findings = [...found.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
  return { findings, programs: explored, schedules };
}

/**
 * The program without the operations that the finding does not need. Each is left out in turn until none can be; that
 * is all there is to shrink, since the operations are small already.
 */
export function shrinkProgram(
  source: ProgramSource,
  finding: Finding,
  preemptions: number,
  schedules: number,
): Finding & { readonly program: ProgramSource } {
  let smallest = { ...finding, program: source };
  for (let progress = true; progress;) {
    progress = false;
    for (const smaller of shortened(smallest.program)) {
      const { findings } = explore(parseProgram('shrunk', smaller), { preemptions, schedules });
      const same = findings.find(({ id }) => id === finding.id);
      if (same === undefined || same.preemptions === 0) continue;
      smallest = { ...same, program: smaller };
      progress = true;
      break;
    }
  }
  return smallest;
}

/** The program without one of its operations, for each of them; the last ones first, others are made for them. */
function* shortened(source: ProgramSource): Generator<ProgramSource> {
  const { setup = [], threads } = source;
  for (const [thread, operations] of threads.entries()) {
    for (let at = operations.length - 1; at >= 0; at--)
      yield { ...source, threads: threads.map((each, index) => (index === thread ? without(each, at) : each)) };
  }
  for (let at = setup.length - 1; at >= 0; at--) yield { ...source, setup: without(setup, at) };
}

function without(operations: readonly OperationObject[], at: number): readonly OperationObject[] {
  return operations.filter((_, index) => index !== at);
}
