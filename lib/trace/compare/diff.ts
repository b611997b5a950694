/** Compares two recordings of the same program, of two devices or two days. */
import { firstDifference } from './compare.ts';
import type { TraceLine } from '../format/parse-trace.ts';
import { replayTrace } from '../replay/replay.ts';

/** Where two recordings part. */
export interface RecordingDifference {
  /** Number of the operation, from 1; the configuration does not count. */
  readonly operation: number;
  /** 'operation': other things were asked; 'answer': the same was asked and answered otherwise; 'end': one has no more. */
  readonly kind: 'operation' | 'answer' | 'end';
  /** Place in the operation or the answer: 'ret', 'values[2]', 'fx[0]'. */
  readonly path: string;
  readonly a: unknown;
  readonly b: unknown;
  /** The lines; undefined where a recording has ended. */
  readonly lineA: TraceLine | undefined;
  readonly lineB: TraceLine | undefined;
  /** Which recorded answer the emulator gives, if it gives one of them. */
  readonly emulator: 'A' | 'B' | 'both' | 'neither';
}

/** The same without a look at the emulator. */
type Parting = Omit<RecordingDifference, 'emulator'>;

/** What came of a comparison. */
export interface RecordingComparison<Difference = RecordingDifference> {
  /** Operations that both have and that are equal. */
  readonly operations: number;
  /** True: effects were compared too; a kernel's recording has none. */
  readonly effects: boolean;
  readonly difference: Difference | undefined;
}

/** A mapping, as both recordings have it. */
interface Region {
  readonly a: bigint;
  readonly b: bigint;
  readonly size: bigint;
}

const PAGE_SHIFT = 12n;

/**
 * Finds the first operation in which two recordings differ. Addresses may differ from the start: the system chose them.
 * The n-th mapping of one recording stands for the n-th of the other, and what lies in them is compared by offset.
 */
export function compareRecordings(linesOfA: readonly TraceLine[], linesOfB: readonly TraceLine[]): RecordingComparison {
  const { difference, ...rest } = whereTheyPart(linesOfA, linesOfB);
  if (difference === undefined) return { ...rest, difference };
  const { kind, lineA, lineB } = difference;
  const emulator = kind === 'answer' ? agreement(linesOfA, lineA!, linesOfB, lineB!) : 'neither';
  return { ...rest, difference: { ...difference, emulator } };
}

/** As `compareRecordings`, without asking the emulator which of them it agrees with. */
export function whereTheyPart(
  linesOfA: readonly TraceLine[],
  linesOfB: readonly TraceLine[],
): RecordingComparison<Parting> {
  // The configuration says what recorded, not what was asked.
  const [a, b] = [linesOfA, linesOfB].map((lines) =>
    trimmed(lines.filter(({ operation }) => operation.name !== 'config')),
  ) as [TraceLine[], TraceLine[]];
  const regions: Region[] = [];
  let effects = true;
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const [lineA, lineB] = [a[index], b[index]];
    const found = (
      kind: RecordingDifference['kind'],
      path: string,
      ofA: unknown,
      ofB: unknown,
    ): RecordingComparison<Parting> => ({
      operations: index,
      effects,
      difference: { operation: index + 1, kind, path, a: ofA, b: ofB, lineA, lineB },
    });
    if (lineA === undefined || lineB === undefined) return found('end', '', lineA?.source, lineB?.source);
    addRegion(regions, lineA, lineB);
    const asked = firstDifference(rebase(lineA.source, lineB.source, regions), lineB.source);
    if (asked !== undefined) return found('operation', asked.path, asked.expected, asked.actual);
    const answerA = lineA.expected;
    const answerB = lineB.expected;
    if (answerA === undefined || answerB === undefined) continue;
    const withEffects = 'fx' in answerA && 'fx' in answerB;
    effects &&= withEffects;
    const answered = firstDifference(
      rebase(comparable(answerA, withEffects), answerB, regions),
      comparable(answerB, withEffects),
    );
    if (answered !== undefined) return found('answer', answered.path, answered.expected, answered.actual);
  }
  return { operations: a.length, effects, difference: undefined };
}

/**
 * A mapping of which the ends are unmapped at once is one that had to be larger to be aligned: it counts as a mapping of
 * what is left.
 */
function trimmed(lines: readonly TraceLine[]): TraceLine[] {
  const kept: TraceLine[] = [];
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!;
    const mapping = fieldsOf(line.source, 'mmap');
    if (mapping === undefined) {
      kept.push(line);
      continue;
    }
    let [start, end] = [BigInt(mapping.addr), BigInt(mapping.addr) + BigInt(mapping.len)];
    for (
      let next = fieldsOf(lines[index + 1]?.source, 'munmap');
      next !== undefined;
      next = fieldsOf(lines[index + 1]?.source, 'munmap')
    ) {
      const [from, to] = [BigInt(next.addr), BigInt(next.addr) + BigInt(next.len)];
      if (from === start && to < end) start = to;
      else if (to === end && from > start) end = from;
      else break;
      index++;
    }
    const place = { addr: `0x${start.toString(16)}`, len: `0x${(end - start).toString(16)}` };
    kept.push({
      line: line.line,
      operation: line.operation,
      source: { mmap: { ...(line.source as { mmap: object }).mmap, ...place } },
      expected: line.expected,
    });
  }
  return kept;
}

function comparable(answer: object, withEffects: boolean): object {
  if (withEffects || !('fx' in answer)) return answer;
  const { fx: _effects, ...rest } = answer;
  return rest;
}

/** A mapping that both made: from now on its addresses stand for each other. */
function addRegion(regions: Region[], lineA: TraceLine, lineB: TraceLine): void {
  const [a, b] = [lineA, lineB].map(({ source }) => fieldsOf(source, 'mmap'));
  if (a === undefined || b === undefined || a.len !== b.len) return;
  regions.push({ a: BigInt(a.addr), b: BigInt(b.addr), size: BigInt(a.len) });
}

/** Place and length of an mmap or munmap. */
function fieldsOf(source: unknown, name: 'mmap' | 'munmap'): { addr: string; len: string } | undefined {
  const fields: unknown =
    typeof source === 'object' && source !== null && name in source
      ? (source as Record<string, unknown>)[name]
      : undefined;
  if (typeof fields !== 'object' || fields === null || !('addr' in fields) || !('len' in fields)) return undefined;
  const { addr, len } = fields;
  return typeof addr === 'string' && typeof len === 'string' ? { addr, len } : undefined;
}

/** `ofA` with every number replaced by that of B which stands for the same place in a mapping. */
function rebase(ofA: unknown, ofB: unknown, regions: readonly Region[]): unknown {
  if (typeof ofA === 'string' && typeof ofB === 'string')
    return ofA !== ofB && samePlace(ofA, ofB, regions) ? ofB : ofA;
  if (Array.isArray(ofA) && Array.isArray(ofB))
    return ofA.map((each: unknown, index) => rebase(each, ofB[index], regions));
  if (typeof ofA === 'object' && ofA !== null && typeof ofB === 'object' && ofB !== null && !Array.isArray(ofA)) {
    return Object.fromEntries(
      Object.entries(ofA).map(([name, each]) => [name, rebase(each, (ofB as Record<string, unknown>)[name], regions)]),
    );
  }
  return ofA;
}

const HEX = /^0x[0-9a-f]+$/;

/** Whether two numbers are the same offset in the same mapping, as byte addresses or as page numbers. The end belongs to it. */
function samePlace(ofA: string, ofB: string, regions: readonly Region[]): boolean {
  if (!HEX.test(ofA) || !HEX.test(ofB)) return false;
  const [a, b] = [BigInt(ofA), BigInt(ofB)];
  return regions.some((region) => {
    const inside = (offset: bigint): boolean => offset >= 0n && offset <= region.size;
    const bytes = a - region.a;
    const pages = (a << PAGE_SHIFT) - region.a;
    return (inside(bytes) && b - region.b === bytes) || (inside(pages) && (b << PAGE_SHIFT) - region.b === pages);
  });
}

/** Replays both up to the line and says with which recorded answer the emulator agrees. */
function agreement(
  linesOfA: readonly TraceLine[],
  lineA: TraceLine,
  linesOfB: readonly TraceLine[],
  lineB: TraceLine,
): 'A' | 'B' | 'both' | 'neither' {
  const a = agrees(linesOfA, lineA);
  const b = agrees(linesOfB, lineB);
  if (a && b) return 'both';
  return a ? 'A' : b ? 'B' : 'neither';
}

function agrees(lines: readonly TraceLine[], line: TraceLine): boolean {
  let same = false;
  const upTo = lines.filter((each) => each.line <= line.line);
  replayTrace(upTo, {
    check: false,
    onAnswer: (each, answer) => {
      if (each.line === line.line)
        same =
          firstDifference(line.expected, 'fx' in (line.expected ?? {}) ? answer : comparable(answer, false)) ===
          undefined;
    },
  });
  return same;
}
