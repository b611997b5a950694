/** The option `--max-size` of the commands that read traces. */
import { DEFAULT_MAX_SIZE } from '../trace/format/read-trace.ts';
import type { ReadOptions } from '../trace/format/read-trace.ts';
import { UsageError } from './usage-error.ts';

/** For parseArgs. */
export const SIZE_OPTION = { 'max-size': { type: 'string' } } as const;

/** For the help of a command. */
export const SIZE_HELP = `--max-size N   read traces of up to N bytes, unpacked; default ${DEFAULT_MAX_SIZE} (256 MiB)`;

/** What the option says to readers of traces. */
export function readOptions(command: string, values: { 'max-size'?: string }): ReadOptions {
  const { 'max-size': text } = values;
  if (text === undefined) return {};
  const maxSize = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (maxSize < 1) throw new UsageError(`${command}: --max-size: expected a number of bytes, got "${text}"`);
  return { maxSize };
}
