/** Typed parameters of a case: a list of points, built by combining axes. */

export type ParameterValue = string | number | boolean;
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
  const pairsOf = (point: ParameterPoint): string[] => {
    const pairs: string[] = [];
    for (let one = 0; one < names.length; one++) {
      for (let other = one + 1; other < names.length; other++) {
        pairs.push(`${one}=${String(point[names[one]!])},${other}=${String(point[names[other]!])}`);
      }
    }
    return pairs;
  };
  const open = new Set(candidates.flatMap(pairsOf));
  const chosen = new Set<PointOf<Given>>();
  while (open.size > 0) {
    let best = candidates[0]!;
    let most = 0;
    for (const candidate of candidates) {
      let count = 0;
      for (const pair of pairsOf(candidate)) if (open.has(pair)) count++;
      if (count > most) [best, most] = [candidate, count];
    }
    chosen.add(best);
    for (const pair of pairsOf(best)) open.delete(pair);
  }
  return new Parameters(candidates.filter((candidate) => chosen.has(candidate)));
}

/** `name=value;name=value` in the order of the axes; strings in quotes, so that 1 and "1" differ. */
export function formatPoint(point: ParameterPoint): string {
  return Object.entries(point)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(';');
}
