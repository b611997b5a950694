/** The rules that a Chrome JSON trace has to keep for ui.perfetto.dev to show it as meant. */
import { importChromeTrace } from './chrome-trace-import.ts';

type Event = Readonly<Record<string, unknown>>;

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  X: ['ph', 'name', 'pid', 'tid', 'ts', 'dur', 'args'],
  b: ['ph', 'name', 'pid', 'tid', 'ts', 'cat', 'id', 'args'],
  n: ['ph', 'name', 'pid', 'tid', 'ts', 'cat', 'id', 'args'],
  e: ['ph', 'name', 'pid', 'tid', 'ts', 'cat', 'id', 'args'],
  C: ['ph', 'name', 'pid', 'ts', 'args'],
  i: ['ph', 'name', 'pid', 'tid', 'ts', 'cat', 's', 'args'],
  s: ['ph', 'name', 'pid', 'tid', 'ts', 'cat', 'id'],
  f: ['ph', 'name', 'pid', 'tid', 'ts', 'cat', 'id', 'bp'],
  M: ['ph', 'name', 'pid', 'tid', 'ts', 'args'],
};

/** Complaints about a parsed file; none if it keeps the rules. */
export function chromeTraceFaults(trace: unknown): string[] {
  const faults: string[] = [];
  const events = (trace as { traceEvents?: unknown }).traceEvents;
  if (!Array.isArray(events)) return ['traceEvents: expected a list'];
  const threads = new Map<string, { lastStart: number; open: { end: number }[] }>();
  const last = new Map<string, number>();
  const tracks = new Map<string, { name: unknown; open: boolean }>();
  const starts = new Map<string, Event>();
  const complain = (index: number, text: string): void =>
    void (faults.length < 50 && faults.push(`event ${index}: ${text}`));
  const inOrder = (index: number, track: string, ts: number): void => {
    if (ts < (last.get(track) ?? -Infinity)) complain(index, `${track} goes back from ${last.get(track)} to ${ts}`);
    last.set(track, ts);
  };
  events.forEach((event: Event, index) => {
    const allowed = FIELDS[String(event['ph'])];
    if (allowed === undefined) return complain(index, `unknown phase ${String(event['ph'])}`);
    for (const key of Object.keys(event))
      if (!allowed.includes(key)) complain(index, `${String(event['ph'])} has no field ${key}`);
    for (const key of allowed)
      if (!(key in event) && !(event['ph'] === 'M' && key === 'tid')) complain(index, `${key} is missing`);
    const ts = event['ts'];
    if (typeof ts !== 'number' || !Number.isFinite(ts) || ts < 0) return complain(index, 'ts: expected a time');
    if (typeof event['name'] !== 'string' || event['name'] === '') complain(index, 'name: expected a text');
    const key = `${String(event['cat'])} ${String(event['id'])}`;
    switch (event['ph']) {
      case 'X': {
        const dur = event['dur'];
        if (typeof dur !== 'number' || dur <= 0) return complain(index, 'dur: expected more than 0');
        const name = `thread ${String(event['tid'])}`;
        const thread = threads.get(name) ?? { lastStart: -1, open: [] };
        threads.set(name, thread);
        inOrder(index, name, ts);
        const end = ts + dur;
        while (thread.open.length > 0 && thread.open[thread.open.length - 1]!.end <= ts + 1e-4) thread.open.pop();
        const around = thread.open[thread.open.length - 1];
        if (around !== undefined && end > around.end + 1e-4) complain(index, `${name}: slices overlap without nesting`);
        thread.open.push({ end });
        break;
      }
      case 'b':
        if (tracks.has(key)) complain(index, `${key} begins twice`);
        tracks.set(key, { name: event['name'], open: true });
        inOrder(index, key, ts);
        break;
      case 'n':
      case 'e': {
        const track = tracks.get(key);
        if (track?.open !== true) complain(index, `${key} is not open`);
        else if (track.name !== event['name']) complain(index, `${key} has another name`);
        if (track !== undefined && event['ph'] === 'e') track.open = false;
        inOrder(index, key, ts);
        break;
      }
      case 's':
        if (starts.has(key)) complain(index, `flow ${key} starts twice`);
        starts.set(key, event);
        break;
      case 'f': {
        const start = starts.get(key);
        if (start === undefined) complain(index, `flow ${key} ends without a start`);
        else if ((start['ts'] as number) > ts) complain(index, `flow ${key} goes back in time`);
        starts.set(key, { ...event, ended: true });
        break;
      }
      case 'C':
        inOrder(index, `counter ${String(event['name'])}`, ts);
        for (const value of Object.values(event['args'] as object))
          if (typeof value !== 'number') complain(index, 'counter: expected numbers');
        break;
      default:
    }
  });
  for (const [key, track] of tracks) if (track.open) faults.push(`${key} never ends`);
  for (const [key, event] of starts) if (event['ended'] !== true) faults.push(`flow ${key} has no end`);
  faults.push(...importChromeTrace(events as Event[]).faults.slice(0, 50));
  return faults;
}
