/** Random programs, and the smallest ones that still show what they showed. */
import { QUIRK_CATALOGUE } from '../../emulator/index.ts';
import { UAPI_PROFILES } from '../uapi/profile.ts';
import type { TraceConfig } from '../trace/format/config.ts';
import { T, TraceScript, V } from '../trace/hazards/script.ts';
import type { Pair } from '../trace/hazards/script.ts';
import type { OperationObject } from '../trace/operations/descriptor.ts';
import { descriptorOf, isOperationName } from '../trace/operations/index.ts';
import { Chance } from './chance.ts';
import { explore } from './explorer.ts';
import type { Finding } from './findings.ts';
import { parseProgram } from './program.ts';
import type { ProgramSource } from './program.ts';

type ProfileName = TraceConfig['profile'];
type Fields = Readonly<Record<string, unknown>>;

const PAGE_BYTES = 4096;

/** Pages that the operations of generated programs are about: one GPU range of 64 KiB. */
const PAGES = 16;
const MOST_OPERATIONS = 3;
/** In one of so many programs a context begins in the middle, and in one it ends. */
const ENDS = 8;

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
/** The interrupt ring has been read. */
const RING_EMPTIES: Writer = (s) => s.add({ ih: { ring: 'soft', pending: false } });
/** Where pages have values. */
const CONTENTS: readonly Writer[] = [
  (s, page, pages, chance) => s.store(page, pages, 1 + chance.below(3)),
  // A GPU access to several pages does not happen at once, and tells what it has read at its end.
  (s, page) => s.gpuLoad(page, 1),
  (s, page, _pages, chance) => s.gpuStore(page, 1, 4 + chance.below(3)),
  (s, page, pages) => s.load(page, pages),
];
/** Where there is VRAM. */
const MIGRATION: readonly Writer[] = [
  (s, page, pages, chance) => s.set(page, pages, [T.preferredLocation, chance.below(2)]),
  (s, page, _pages, chance) => s.fault(page, chance.below(2) === 1),
  (s, page, pages) => s.touch(page, pages),
  (s) => s.add({ evict: {} }),
];
/** Without retry faults: the time of the works comes, and they run. */
const WORK: Writer = (s) => {
  s.add({ advance: { ns: 1_000_000 } });
  s.add({ work: {} });
};

/** The machine of a program: often the plain one, else with what the driver can use. */
function generateConfig(profile: ProfileName, chance: Chance): Fields {
  const { behaviour } = UAPI_PROFILES[profile];
  const gpus = chance.once(6) ? { gpus: 2 } : {};
  const off = behaviour.runsWithoutRetryFaults ? { xnackOff: true } : {};
  if (!behaviour.movesToVram || chance.once(2)) return { profile, ...gpus, ...off };
  // Room for one range, or for all.
  const vram = { vram: PAGE_BYTES * (chance.once(4) ? PAGES : 4096) };
  return { profile, ...gpus, ...off, ...vram, ...('gpus' in gpus && chance.once(2) ? { hive: 'h' } : {}) };
}

/** The program number `index` of a seed; `given`: what its machine has to be, with the profile. */
export function generateProgram(profile: ProfileName, seed: number, index: number, given?: Fields): ProgramSource {
  const chance = new Chance(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  const config = given === undefined ? generateConfig(profile, chance) : { profile, ...given };
  const hasVram = Boolean(config['vram']);
  const hasContents = chance.once(hasVram ? 2 : 6);
  const hasInterrupts = chance.once(8);
  const gpus = typeof config['gpus'] === 'number' ? config['gpus'] : 1;
  const setup = new TraceScript();
  setup.map(V, PAGES);
  if (hasContents) setup.store(V, PAGES, 1);
  if (hasVram) setup.set(V, PAGES, [T.preferredLocation, 1]);
  if (chance.below(2) === 1) setup.set(V, PAGES, [T.access, 2]);
  if (chance.below(2) === 1) {
    setup.access(V, 1, true);
    setup.later();
  }
  if (chance.below(4) === 0) setup.unmap(V + 1, 1);
  const { operations } = UAPI_PROFILES[profile];
  const isOff = config['xnackOff'] === true;
  if (hasInterrupts) setup.interrupts(5);
  const pool = [
    ...OPERATIONS,
    ...('resetAttributes' in operations ? [RESET, RESET] : []),
    ...(isOff ? [WORK, WORK, WORK] : []),
    ...(hasInterrupts ? [RING_EMPTIES, RING_EMPTIES] : []),
    ...(hasContents ? CONTENTS : []),
    ...(hasVram ? MIGRATION : []),
  ];
  if (isOff && chance.below(2) === 1) {
    // A restore that is due.
    setup.discard(V, 1);
    setup.add({ advance: { ns: 1_000_000 } });
  }
  const threads = Array.from({ length: 2 }, () => {
    const script = new TraceScript();
    for (let count = 1 + chance.below(MOST_OPERATIONS); count > 0; count--) {
      const last = script.operations[script.operations.length - 1];
      // Some loops end only after the same has happened several times.
      if (last !== undefined && chance.once(4)) {
        script.add(last);
        continue;
      }
      const [page, pages] = chance.of(PARTS);
      chance.of(pool)(script, V + page, pages, chance);
      const [name] = Object.keys(script.operations[script.operations.length - 1]!);
      if (gpus > 1 && isOperationName(name!) && descriptorOf(name).perGpu) script.onGpu(chance.below(gpus));
    }
    return script.operations;
  });
  const end = new TraceScript();
  if (hasContents) end.load(V, PAGES);
  // Drawn last, so that it changes no other program of the seed.
  if (chance.once(ENDS)) {
    const thread = threads[chance.below(threads.length)]!;
    thread[thread.length - 1] = { fini: {} };
  }
  const program = { config, setup: setup.operations, threads, end: end.operations };
  return given === undefined && chance.once(ENDS) ? withoutContext(program) : program;
}

/** The program on files that have no context yet: the first call makes one. */
function withoutContext({
  config,
  setup,
  ...rest
}: ProgramSource & { readonly setup: readonly OperationObject[] }): ProgramSource {
  return { config: { ...config, lazy: true }, setup: setup.filter(isOfProcess), ...rest };
}

/** Whether the operation leaves the driver alone. */
function isOfProcess(operation: OperationObject): boolean {
  const [name] = Object.keys(operation);
  return isOperationName(name!) && descriptorOf(name).enters === undefined;
}

/** How much is generated and explored. */
export interface GenerateOptions {
  readonly profile: ProfileName;
  /** Programs. */
  readonly programs: number;
  readonly seed: number;
  readonly preemptions: number;
  /** Fields of the machine's configuration besides the profile; undefined: it is random, too. */
  readonly config?: Fields;
  /** The most schedules of one program. */
  readonly schedules: number;
  /** Only each `count`th program, from the `index`th on; `index` from 1 to `count`. */
  readonly shard?: { readonly index: number; readonly count: number };
  /** Called after each program, with how many there were. */
  readonly onProgram?: (done: number) => void;
}

/** A race, and the smallest program in which it was found. */
interface GeneratedFinding extends Finding {
  readonly program: ProgramSource;
  /** Which of the programs it was found in, from 0. */
  readonly number: number;
}

/** What came of generated programs. */
export interface Generated {
  /** What no serial order of its program shows, and races of the catalogue, each once. */
  readonly findings: readonly GeneratedFinding[];
  readonly programs: number;
  /** Schedules of all programs, those of shrinking not counted. */
  readonly schedules: number;
}

/** Whether it takes another thread: a preemption, or, for a race of the catalogue, an order of whole operations. */
export function isRace({ id, preemptions }: Finding): boolean {
  return preemptions > 0 || (Object.hasOwn(QUIRK_CATALOGUE, id) && QUIRK_CATALOGUE[id]!.kind.includes('R'));
}

/** Generates programs, explores them, and shrinks those that show what none before has shown. */
export function exploreGenerated(options: GenerateOptions): Generated {
  const { profile, programs, seed, preemptions, config, schedules: most, shard = { index: 1, count: 1 } } = options;
  const found = new Map<string, GeneratedFinding>();
  let [schedules, explored] = [0, 0];
  for (let index = shard.index - 1; index < programs; index += shard.count) {
    explored++;
    const source = generateProgram(profile, seed, index, config);
    const result = explore(parseProgram('generated', source), { preemptions, schedules: most });
    schedules += result.schedules + result.merged + result.blocked;
    for (const finding of result.findings) {
      if (isRace(finding) && !found.has(finding.id))
        found.set(finding.id, { ...shrinkProgram(source, finding, preemptions, most), number: index });
    }
    options.onProgram?.(explored);
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
      if (same === undefined || !isRace(same)) continue;
      smallest = { ...same, program: smaller };
      progress = true;
      break;
    }
  }
  return smallest;
}

/** The program without one of its operations, for each of them; the last ones first, others are made for them. */
function* shortened(source: ProgramSource): Generator<ProgramSource> {
  const { setup = [], threads, end = [] } = source;
  for (let at = end.length - 1; at >= 0; at--) yield { ...source, end: without(end, at) };
  for (const [thread, operations] of threads.entries()) {
    for (let at = operations.length - 1; at >= 0; at--)
      yield { ...source, threads: threads.map((each, index) => (index === thread ? without(each, at) : each)) };
  }
  for (let at = setup.length - 1; at >= 0; at--) yield { ...source, setup: without(setup, at) };
}

function without(operations: readonly OperationObject[], at: number): readonly OperationObject[] {
  return operations.filter((_, index) => index !== at);
}
