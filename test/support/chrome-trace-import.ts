/**
 * Reads a Chrome JSON trace as the importer of ui.perfetto.dev does: events in order of time, those of one time as they
 * are in the file; a stack of open slices for each thread, on top of which both ends of an arrow are bound.
 */

type Event = Readonly<Record<string, unknown>>;

/** An arrow as it would be drawn. */
export interface DrawnArrow {
  readonly id: string;
  /** Names of the slices at its ends. */
  readonly from: string;
  readonly to: string;
}

interface OpenSlice {
  readonly name: string;
  readonly end: number;
}

/** What came of the import; `faults` are events that the importer would drop or show in the wrong place. */
export function importChromeTrace(events: readonly Event[]): {
  readonly faults: string[];
  readonly arrows: DrawnArrow[];
} {
  const faults: string[] = [];
  const arrows: DrawnArrow[] = [];
  const named = new Set(
    events.filter((event) => event['ph'] === 'M' && event['name'] === 'thread_name').map((event) => event['tid']),
  );
  const stacks = new Map<unknown, OpenSlice[]>();
  const begun = new Map<unknown, string>();
  const counters = new Map<unknown, string>();
  const nanoseconds = (event: Event, field: 'ts' | 'dur'): number => {
    const exact = (event[field] as number) * 1000;
    // The importer has whole nanoseconds: what is no multiple of one would be rounded, and could change its place.
    if (Math.abs(exact - Math.round(exact)) > 0.01)
      faults.push(`${String(event['name'])}: ${field} ${String(event[field])} is no whole nanosecond`);
    return Math.round(exact);
  };
  const inOrder = events
    .map((event) => ({ event, at: nanoseconds(event, 'ts') }))
    .sort((left, right) => left.at - right.at);
  for (const { event, at } of inOrder) {
    const { ph, tid, name, id } = event;
    if (tid !== undefined && ph !== 'M' && !named.has(tid))
      faults.push(`${String(name)}: thread ${String(tid)} has no name`);
    if (event['pid'] !== 1) faults.push(`${String(name)}: is in process ${String(event['pid'])}`);
    const stack = stacks.get(tid) ?? [];
    stacks.set(tid, stack);
    while (stack.length > 0 && stack[stack.length - 1]!.end <= at) stack.pop();
    const top = stack[stack.length - 1];
    switch (ph) {
      case 'X': {
        const end = at + nanoseconds(event, 'dur');
        if (top !== undefined && end > top.end)
          faults.push(`slice ${String(name)} at ${at} ns reaches out of ${top.name}`);
        stack.push({ name: String(name), end });
        break;
      }
      case 's':
        if (top === undefined) faults.push(`arrow ${String(id)} begins outside of any slice`);
        if (begun.has(id)) faults.push(`arrow ${String(id)} begins twice`);
        begun.set(id, top?.name ?? '');
        break;
      case 'f': {
        const from = begun.get(id);
        if (from === undefined) faults.push(`arrow ${String(id)} ends before it begins`);
        if (top === undefined) faults.push(`arrow ${String(id)} ends outside of any slice`);
        arrows.push({ id: String(id), from: from ?? '', to: top?.name ?? '' });
        begun.delete(id);
        break;
      }
      case 'i':
        if (top === undefined) faults.push(`instant ${String(name)} at ${at} ns lies outside of any slice`);
        break;
      case 'C': {
        const series = Object.keys(event['args'] as object).join();
        if ((counters.get(name) ?? series) !== series)
          faults.push(`counter ${String(name)} changes its series from ${counters.get(name)} to ${series}`);
        counters.set(name, series);
        break;
      }
      default:
    }
  }
  for (const id of begun.keys()) faults.push(`arrow ${String(id)} never ends`);
  return { faults, arrows };
}
