/** Definitions of cases: groups of them, in the style of a conformance test suite that is addressed by queries. */
import { codedError, rangeError } from '../../uapi/errors.ts';
import type { CaseContext } from './context.ts';
import type { Feature } from './feature.ts';
import { formatPoint, parameters } from './parameters.ts';
import type { ParameterPoint, Parameters } from './parameters.ts';

/** What a case does at one point of its parameters. */
export type CaseFunction<Point extends ParameterPoint> = (t: CaseContext, point: Point) => void | Promise<void>;

/** One case with one point of its parameters: what is run and reported. */
export interface ConcreteCase {
  /** `GROUP:CASE:PARAMETERS`; unique. */
  readonly id: string;
  readonly group: string;
  readonly name: string;
  readonly point: ParameterPoint;
  /** What the case shows, in one sentence. */
  readonly title: string;
  /** Where the rule is, or which test of another suite this is. */
  readonly source: string;
  readonly needs: readonly Feature[];
  /** Set for a case that is planned or can't be ported: why. It is listed and skipped. */
  readonly unimplemented: string | undefined;
  /** Why a recording of the case would not replay; undefined if it does. */
  readonly unrecorded: string | undefined;
  readonly run: CaseFunction<ParameterPoint>;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

/** Cases of one subject. */
export class CaseGroup {
  /** Words with commas between, from the general to the particular: 'uapi,arguments'. */
  readonly path: string;
  readonly title: string;
  readonly #cases: CaseDefinition<ParameterPoint>[] = [];

  constructor(path: string, title: string) {
    if (!path.split(',').every((word) => NAME.test(word)))
      throw rangeError(
        'ERR_SVM_INVALID_VALUE',
        `path: expected words with commas between, got ${JSON.stringify(path)}`,
      );
    this.path = path;
    this.title = title;
  }

  /** Begins the definition of a case; `run` or `unimplemented` ends it. */
  case(name: string, title: string): CaseDefinition<Readonly<Record<never, never>>> {
    if (!NAME.test(name))
      throw rangeError(
        'ERR_SVM_INVALID_VALUE',
        `name: expected letters, digits, "_" and "-", got ${JSON.stringify(name)}`,
      );
    if (this.#cases.some((each) => each.name === name))
      throw rangeError('ERR_SVM_INVALID_VALUE', `name: ${this.path} has a case "${name}" already`);
    const definition = new CaseDefinition(this, name, title);
    this.#cases.push(definition as unknown as CaseDefinition<ParameterPoint>);
    return definition;
  }

  /** All cases of the group at all points, in the order of their definition. */
  concreteCases(): ConcreteCase[] {
    return this.#cases.flatMap((each) => each.concreteCases());
  }
}

/** A case while it is being defined. */
export class CaseDefinition<Point extends ParameterPoint> {
  readonly name: string;
  readonly #group: CaseGroup;
  readonly #title: string;
  #source = '';
  #needs: (point: Point) => readonly Feature[] = () => [];
  #points: readonly Point[];
  #unimplemented: string | undefined;
  #unrecorded: string | undefined;
  #run: CaseFunction<Point> | undefined;

  constructor(group: CaseGroup, name: string, title: string) {
    this.#group = group;
    this.name = name;
    this.#title = title;
    this.#points = parameters().points as unknown as readonly Point[];
  }

  /** Where the rule is ('spec/02-attributes §4.1'), or the test that this one ports ('kfdtest KFDSVMRangeTest.PrefetchTest'). */
  source(source: string): this {
    this.#source = source;
    return this;
  }

  /** The points at which the case runs. */
  parameters<Given extends ParameterPoint>(list: Parameters<Given>): CaseDefinition<Given> {
    const definition = this as unknown as CaseDefinition<Given>;
    definition.#points = list.points;
    return definition;
  }

  /** What the device must have; a device that lacks it skips the case, with the reason. */
  needs(...features: readonly Feature[]): this {
    return this.needsAt(() => features);
  }

  /** As `needs`, where it depends on the point; adds to what was said before. */
  needsAt(features: (point: Point) => readonly Feature[]): this {
    const before = this.#needs;
    this.#needs = (point) => [...before(point), ...features(point)];
    return this;
  }

  /** For a case that does what the trace format has no words for: it is not recorded, with this reason. */
  unrecorded(reason: string): this {
    this.#unrecorded = reason;
    return this;
  }

  /** What the case does at one point of its parameters; ends the definition. */
  run(run: CaseFunction<Point>): void {
    this.#run = run;
  }

  /** Keeps a planned case, or one that can't be ported, visible: it is listed and skipped with this reason. */
  unimplemented(reason: string): void {
    this.#unimplemented = reason;
    this.#run = () => undefined;
  }

  /** The case at each point of its parameters. Throws where it has neither `run` nor `unimplemented`. */
  concreteCases(): ConcreteCase[] {
    const run = this.#run;
    if (run === undefined)
      throw codedError('ERR_SVM_CASE', `${this.#group.path}:${this.name} has neither run nor unimplemented`);
    if (this.#source === '') throw codedError('ERR_SVM_CASE', `${this.#group.path}:${this.name} names no source`);
    return this.#points.map((point) => ({
      id: `${this.#group.path}:${this.name}:${formatPoint(point)}`,
      group: this.#group.path,
      name: this.name,
      point,
      title: this.#title,
      source: this.#source,
      needs: this.#needs(point),
      unimplemented: this.#unimplemented,
      unrecorded: this.#unrecorded,
      run: (t) => run(t, point),
    }));
  }
}
