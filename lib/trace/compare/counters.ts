/** Counters that are detail of the C code and not compared (spec/trace-format §6). */
const IGNORED_COUNTERS: ReadonlySet<string> = new Set(['lockPd', 'pdes', 'hmm', 'mapCalls']);

export function isComparedCounter(name: string): boolean {
  return !IGNORED_COUNTERS.has(name);
}
