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
  allowed: (point: PointOf<Given>) => boolean = () => true,
): Parameters<PointOf<Given>> {
  const names = Object.keys(axes);
  let product: ParameterPoint[] = [{}];
  for (const name of names)
    product = product.flatMap((point) => axes[name]!.map((value) => ({ ...point, [name]: value })));
  const candidates = (product as PointOf<Given>[]).filter(allowed);
  // The suite is loaded by every run of it, so this counts with numbers: a value is its place among all values.
  const places = new Map(names.map((name) => [name, new Map<ParameterValue, number>()]));
  let count = 0;
  for (const [name, ofAxis] of places) for (const value of axes[name]!) ofAxis.set(value, count++);
  const pairsOf = candidates.map((point) => {
    const own = names.map((name) => places.get(name)!.get(point[name]!)!);
    const pairs: number[] = [];
    for (const [axis, one] of own.entries()) {
      for (let other = axis + 1; other < own.length; other++) pairs.push(one * count + own[other]!);
    }
    return pairs;
  });
  const open = new Set<number>();
  for (const pairs of pairsOf) for (const pair of pairs) open.add(pair);
  // What a candidate would add only gets less, so that the last count is a bound.
  const bounds = pairsOf.map((pairs) => pairs.length);
  const chosen = new Set<PointOf<Given>>();
  while (open.size > 0) {
    let best = 0;
    let most = 0;
    for (const [index, pairs] of pairsOf.entries()) {
      if (bounds[index]! <= most) continue;
      let added = 0;
      for (const pair of pairs) if (open.has(pair)) added++;
      bounds[index] = added;
      if (added > most) [best, most] = [index, added];
    }
    chosen.add(candidates[best]!);
    for (const pair of pairsOf[best]!) open.delete(pair);
  }
  return new Parameters(candidates.filter((candidate) => chosen.has(candidate)));
}

/** `name=value;name=value` in the order of the axes; strings in quotes, so that 1 and "1" differ. */
export function formatPoint(point: ParameterPoint): string {
  return Object.entries(point)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(';');
}
