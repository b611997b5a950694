/** Which of the rules that differ between revisions explains that an operation went otherwise (spec/revisions §5, §7). */
import type { FaultReason } from '../../../emulator/index.ts';
import type { UapiProfileName } from '../../uapi/profile.ts';
import { SvmAttributeType, SvmOperation } from '../../uapi/constants.ts';
import { Errno } from '../../uapi/errno.ts';
import { revisionsDiffer } from '../../words/revision-differences.ts';
import type { RevisionDifferenceKey } from '../../words/revision-differences.ts';
import { pagesOf } from '../effects/index.ts';
import type { TraceAnswer, TraceOperation } from '../operations/index.ts';

/** How an operation went on one revision. */
export interface RevisionRun {
  readonly answer: TraceAnswer;
  /** What decided the faults of the operation. */
  readonly reasons: readonly FaultReason[];
  readonly hasRetryFaults: boolean;
}

/** An operation that went otherwise. */
export interface RevisionStep {
  readonly operation: TraceOperation;
  readonly runs: readonly [RevisionRun, RevisionRun];
  /** Whether pages of the operation were unmapped before. */
  readonly wasUnmapped: boolean;
  /** Whether a mapping was made there since. */
  readonly isMappedAgain: boolean;
}

const { EINVAL, EFAULT, EOPNOTSUPP, EADDRINUSE, EPERM, ENOMEM } = Errno;

/** Whether it is so on exactly one of the revisions. */
function onOne({ runs }: RevisionStep, test: (run: RevisionRun) => boolean): boolean {
  return test(runs[0]) !== test(runs[1]);
}

const answers =
  (...errnos: readonly number[]) =>
  ({ answer }: RevisionRun): boolean =>
    errnos.includes(-(answer.ret ?? 0));
const decidedBy =
  (...wanted: readonly FaultReason[]) =>
  ({ reasons }: RevisionRun): boolean =>
    reasons.some((reason) => wanted.includes(reason));
/** Whether an operation did more of these effects on one revision than on the other, counted in pages. */
function differsIn({ runs }: RevisionStep, ...kinds: readonly string[]): boolean {
  const [one, other] = runs.map(({ answer }) =>
    (answer.fx ?? []).reduce((sum, effect) => sum + (kinds.includes(String(effect[0])) ? pagesOf(effect).pages : 0), 0),
  );
  return one !== other;
}

/** The number of the SVM operation that is called; undefined for other operations. */
function svmOperation(operation: TraceOperation): number | undefined {
  if (operation.name === 'set') return SvmOperation.setAttributes;
  if (operation.name === 'get') return SvmOperation.getAttributes;
  if (operation.name === 'reset') return SvmOperation.resetAttributes;
  return operation.name === 'ioctl' ? operation.operation : undefined;
}

function attributeTypes(operation: TraceOperation): readonly number[] {
  if (operation.name === 'get') return operation.types;
  return 'attributes' in operation ? operation.attributes.map(([type]) => type) : [];
}

/** Flags of the PTEs that were written, by their place. */
function writtenFlags({ answer }: RevisionRun): Map<string, string> {
  const written = answer.fx?.filter(([kind]) => kind === 'pte') ?? [];
  return new Map(written.map(([, start, pages, flags]) => [`${start} ${pages}`, String(flags)]));
}

/** Whether the same PTEs were written with other flags. */
function otherFlags({ runs }: RevisionStep): boolean {
  const [one, other] = runs.map(writtenFlags) as [Map<string, string>, Map<string, string>];
  return [...one].some(([place, flags]) => other.has(place) && other.get(place) !== flags);
}

type Rule = readonly [key: RevisionDifferenceKey, explains: (step: RevisionStep) => boolean];

/** In the order in which they are tried: the special ones first. */
const RULES: readonly Rule[] = [
  ['noretry', (s) => s.operation.name === 'config' && s.operation.config.noretry && onOne(s, answers(EOPNOTSUPP))],
  ['reset-operation', (s) => svmOperation(s.operation) === SvmOperation.resetAttributes && onOne(s, answers(EINVAL))],
  [
    'always-mapped',
    (s) => attributeTypes(s.operation).includes(SvmAttributeType.gpuAlwaysMapped) && onOne(s, answers(EINVAL)),
  ],
  ['buffer-object-calls', (s) => onOne(s, answers(EADDRINUSE))],
  [
    'get-validates',
    (s) => svmOperation(s.operation) === SvmOperation.getAttributes && onOne(s, answers(EFAULT, EOPNOTSUPP)),
  ],
  ['buffer-object-faults', (s) => onOne(s, decidedBy('buffer-object'))],
  [
    'dropped-faults',
    (s) => onOne(s, ({ answer }) => answer.ret === 0) && s.runs.some(decidedBy('closing', 'no-context', 'in-reset')),
  ],
  ['dropped-faults', (s) => onOne(s, decidedBy('in-reset'))],
  ['faults-without-memory', (s) => s.operation.name === 'fault' && onOne(s, answers(ENOMEM))],
  ['changing-pages', (s) => onOne(s, decidedBy('retry-exhausted'))],
  ['read-only-mappings', (s) => onOne(s, decidedBy('pages-not-writable')) || onOne(s, answers(EPERM)) || otherFlags(s)],
  [
    'set-is-atomic',
    (s) => s.operation.inject !== undefined && svmOperation(s.operation) === SvmOperation.setAttributes,
  ],
  [
    'prefetch-location-invalidates',
    (s) =>
      svmOperation(s.operation) === SvmOperation.setAttributes &&
      attributeTypes(s.operation).every((type) => type === SvmAttributeType.prefetchLocation) &&
      differsIn(s, 'zap'),
  ],
  [
    'change-invalidates',
    (s) => svmOperation(s.operation) === SvmOperation.setAttributes && differsIn(s, 'zap', 'range-'),
  ],
  ['xnack-off', (s) => s.runs.some(({ hasRetryFaults }) => !hasRetryFaults)],
  ['repeated-prefetch', (s) => svmOperation(s.operation) === SvmOperation.setAttributes && differsIn(s, 'pte')],
  ['waits-for-collector', (s) => s.operation.name === 'gc' && onOne(s, ({ answer }) => answer.ran === true)],
  [
    'waits-for-collector',
    (s) =>
      svmOperation(s.operation) !== undefined &&
      svmOperation(s.operation) !== SvmOperation.setAttributes &&
      differsIn(s, 'range-'),
  ],
  ['attributes-inherited', (s) => svmOperation(s.operation) !== undefined && s.wasUnmapped && s.isMappedAgain],
];

/** Rules that are tried only where nothing that happened before explains the difference. */
const LAST_RULES: readonly Rule[] = [
  ['write-to-read-only', (s) => onOne(s, decidedBy('already-valid')) && differsIn(s, 'pte')],
  ['attributes-inherited', (s) => s.wasUnmapped && s.isMappedAgain],
];

/** The rule that explains `step` by itself; `last`: those that hardly ever do, too. */
export function ruleOf(
  step: RevisionStep,
  one: UapiProfileName,
  other: UapiProfileName,
  last: boolean,
): RevisionDifferenceKey | undefined {
  const rules = last ? LAST_RULES : RULES;
  return rules.find(([key, explains]) => revisionsDiffer(key, one, other) && explains(step))?.[0];
}
