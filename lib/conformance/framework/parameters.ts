/** Typed parameters of a case: a list of points, built by combining axes. */

/** A value of a parameter. */
export type ParameterValue = string | number | boolean;
/** One combination of parameters: their values by name. */
export type ParameterPoint = Readonly<Record<string, ParameterValue>>;

/** The points of a case, in the order in which they run. Every method gives a new list. */
export class Parameters<Point extends ParameterPoint> {
  readonly points: readonly Point[];

  constructor(points: readonly Point[]) {
    this.points = points;
  }

  /** Every point with every value of the axis `name`. */
  combine<const Name extends string, const Value extends ParameterValue>(
    name: Name,
    values: readonly Value[],
  ): Parameters<Point & Readonly<Record<Name, Value>>> {
    return this.expand(name, () => values);
  }

  /** As `combine`, with values that depend on the point. */
  expand<const Name extends string, const Value extends ParameterValue>(
    name: Name,
    valuesOf: (point: Point) => readonly Value[],
  ): Parameters<Point & Readonly<Record<Name, Value>>> {
    return new Parameters(
      this.points.flatMap((point) =>
        valuesOf(point).map((value) => ({ ...point, [name]: value }) as Point & Readonly<Record<Name, Value>>),
      ),
    );
  }

  /** Only the points that `keep` accepts. */
  where(keep: (point: Point) => boolean): Parameters<Point> {
    return new Parameters(this.points.filter(keep));
  }
}

/** The start of every list: one point without parameters. */
export function parameters(): Parameters<Readonly<Record<never, never>>> {
  return new Parameters([{}]);
}

type Axes = Readonly<Record<string, readonly ParameterValue[]>>;
type PointOf<Given extends Axes> = { readonly [Name in keyof Given]: Given[Name][number] };

/**
 * Points in which every pair of values of two axes occurs, far fewer than the full product: greedy, and the same
 * for the same axes. `allowed` leaves out combinations that make no sense.
 */
export function pairwise<const Given extends Axes>(
  axes: Given,
  allowed?: (point: PointOf<Given>) => boolean,
): Parameters<PointOf<Given>> {
  const names = Object.keys(axes);
  const values = names.map((name) => axes[name]!);
  const pointAt = (own: readonly number[]): PointOf<Given> =>
    Object.fromEntries(names.map((name, axis) => [name, values[axis]![own[axis]!]!])) as PointOf<Given>;
  // The suite is loaded by every run of it, so this counts with numbers: a candidate is the index of its value on each
  // axis, and a value is its place among all values.
  let product: readonly (readonly number[])[] = [[]];
  for (const ofAxis of values) product = product.flatMap((own) => ofAxis.map((_, index) => [...own, index]));
  const candidates = allowed === undefined ? product : product.filter((own) => allowed(pointAt(own)));
  const { places, count } = placesOfValues(values);
  const each = (names.length * (names.length - 1)) / 2;
  const pairs = new Uint32Array(candidates.length * each);
  let filled = 0;
  for (const own of candidates) {
    for (let axis = 0; axis < own.length; axis++) {
      const one = places[axis]![own[axis]!]! * count;
      for (let other = axis + 1; other < own.length; other++) pairs[filled++] = one + places[other]![own[other]!]!;
    }
  }
  return new Parameters(
    coverAll(pairs, each, candidates.length, count * count).map((index) => pointAt(candidates[index]!)),
  );
}

/** A number for each value of each axis; equal values of an axis have one. */
function placesOfValues(axes: readonly (readonly ParameterValue[])[]): {
  readonly places: readonly (readonly number[])[];
  readonly count: number;
} {
  let count = 0;
  const places = axes.map((values) => {
    const known = new Map<ParameterValue, number>();
    for (const value of values) if (!known.has(value)) known.set(value, count++);
    return values.map((value) => known.get(value)!);
  });
  return { places, count };
}

/** The candidates, ascending, that together have all pairs below `most` that any has: the one that adds most comes next. */
function coverAll(pairs: Uint32Array, each: number, candidates: number, most: number): number[] {
  const open = new Uint8Array(most);
  for (const pair of pairs) open[pair] = 1;
  let left = open.reduce((sum, is) => sum + is, 0);
  // What a candidate would add only gets less, so that the last count is a bound.
  const bounds = new Uint32Array(candidates).fill(each);
  const chosen = new Set<number>();
  while (left > 0) {
    let [best, adds] = [0, 0];
    for (let index = 0; index < candidates; index++) {
      if (bounds[index]! <= adds) continue;
      let added = 0;
      for (let at = index * each; at < (index + 1) * each; at++) added += open[pairs[at]!]!;
      bounds[index] = added;
      if (added > adds) [best, adds] = [index, added];
    }
    chosen.add(best);
    left -= adds;
    for (let at = best * each; at < (best + 1) * each; at++) open[pairs[at]!] = 0;
  }
  return [...chosen].toSorted((one, other) => one - other);
}

/** `name=value;name=value` in the order of the axes; strings in quotes, so that 1 and "1" differ. */
export function formatPoint(point: ParameterPoint): string {
  return Object.entries(point)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(';');
}
