/**
 * How much is done of what only repeats itself with other seeds, recordings or mutants: much in CI, which has ten minutes,
 * elsewhere a part that is always the same, half of the work. What is tested once is tested everywhere.
 */
const THOROUGH: boolean = Boolean(process.env['CI']);

/** Why something that takes long, and that CI does anyway, is left out here; '' where it is done. */
export function onlyInCi(what: string): string {
  return THOROUGH ? '' : `${what}; CI does it, and so does npm test with CI=true`;
}

/** How often: `inCi` times there, `elsewhere` times on the machine of a developer. */
export function times(inCi: number, elsewhere: number): number {
  return THOROUGH ? inCi : elsewhere;
}

/** Every `inCi`-th item in CI, which is all of them by default; elsewhere every `elsewhere`-th. The first is always among them. */
export function sample<T>(items: readonly T[], elsewhere: number, inCi = 1): readonly T[] {
  const step = times(inCi, elsewhere);
  return step === 1 ? items : items.filter((_item, index) => index % step === 0);
}
