/**
 * AMDGPU_SVM_TRACE: every call of a runtime layer, and every ioctl of a device outside
 * of one, as a line on standard error or in a file - without a change to the program.
 */
import type { Environment } from '../backend/open-options.ts';
import { openSync, writeSync } from 'node:fs';
import { errnoName } from '../uapi/errno.ts';
import { SvmOperation } from '../uapi/constants.ts';
import { uapiAttributeName } from '../words/attributes.ts';
import { rangeError, show } from '../uapi/errors.ts';
import { formatTraffic } from './traffic.ts';
import type { CallSource, TrafficEvent, TrafficIoctl, TrafficLog } from './traffic.ts';

const VARIABLE = 'AMDGPU_SVM_TRACE';
const JSON_PREFIX = 'json:';

/** Where lines go; the same for all runtimes and devices of the process that say the same. */
class TrafficOutput {
  readonly json: boolean;
  readonly #write: (line: string) => void;
  /** The line of an ioctl that was written last, and how often it came again since. */
  #last: string | undefined;
  #repeats = 0;

  constructor(json: boolean, write: (line: string) => void) {
    this.json = json;
    this.#write = write;
  }

  write(line: string): void {
    this.tellRepeats();
    this.#write(line);
  }

  /** As `write`, but people are told the number of equal lines in a row: `attributeSegments` asks once for each page. */
  writeIoctl(line: string): void {
    if (!this.json && line === this.#last) {
      this.#repeats++;
      return;
    }
    this.write(line);
    this.#last = line;
  }

  /** Before another line, and before the process ends. */
  tellRepeats(): void {
    if (this.#repeats > 0) this.#write(`  (${this.#repeats} times more)`);
    this.#repeats = 0;
    this.#last = undefined;
  }
}

const outputs = new Map<string, TrafficOutput>();
/** Logs whose calls are written: an ioctl inside one of them is not one of a bare device. */
const writtenLogs = new Set<TrafficLog>();

/**
 * What AMDGPU_SVM_TRACE asks for: '1' lines on standard error, 'json' JSON lines there,
 * a path lines in that file, 'json:PATH' JSON lines in it; '' and '0' nothing. "%p" in
 * a path becomes the process id; a file is appended to, as several processes may share
 * it. RangeError (`ERR_SVM_INVALID_OPTION`) for words that are no path, and the
 * system's error for a file that can't be opened.
 */
export function trafficOutput(environment: Environment = process.env): TrafficOutput | undefined {
  const value = environment[VARIABLE] ?? '';
  if (value === '' || value === '0') return undefined;
  let output = outputs.get(value);
  if (output !== undefined) return output;
  output = open(value);
  // One listener for all outputs: more than ten would be warned of.
  if (outputs.size === 0) process.on('exit', () => outputs.forEach((each) => each.tellRepeats()));
  outputs.set(value, output);
  return output;
}

function open(value: string): TrafficOutput {
  // `console` drops what nobody can read any more; a stream of our own would end the program with EPIPE.
  if (value === '1' || value === 'json')
    return new TrafficOutput(value === 'json', (line) => console.error('%s', line));
  const json = value.startsWith(JSON_PREFIX);
  const path = (json ? value.slice(JSON_PREFIX.length) : value).replaceAll('%p', String(process.pid));
  // AMDGPU_SVM_TRACE=true must not make a file of that name.
  if (!/[./]/.test(path)) {
    throw rangeError(
      'ERR_SVM_INVALID_OPTION',
      `${VARIABLE}: expected 1, json, a path or json: and a path (with a "/" or a "."), got ${show(value)}`,
    );
  }
  const descriptor = openSync(path, 'a');
  // One write for each line, at once: lines of several processes do not mix, and a crash loses none.
  return new TrafficOutput(json, (line) => void writeSync(descriptor, `${line}\n`));
}

/** Writes every call that `log` sees from now on, if the environment asks for it. */
export function writeTraffic(log: TrafficLog): void {
  const output = trafficOutput();
  if (output === undefined) return;
  writtenLogs.add(log);
  log.on((event) => output.write(lineOf(event, output.json)));
  log.onClose(() => writtenLogs.delete(log));
}

/** Writes the ioctls of a device that no written call caused, if the environment asks for it. */
export function writeDeviceTraffic(device: CallSource): void {
  const output = trafficOutput();
  if (output === undefined) return;
  device.observe((call) => {
    for (const log of writtenLogs) if (log.running) return;
    output.writeIoctl(
      lineOf({ call: 'ioctl', ioctls: [{ gpu: device.path, ...call }], error: undefined }, output.json),
    );
  });
}

function lineOf(event: TrafficEvent, json: boolean): string {
  return json ? JSON.stringify(trafficObject(event)) : formatTraffic(event);
}

/** A call as plain data for JSON: addresses and sizes as "0x...", names next to the numbers. */
export function trafficObject({ call, ioctls, error }: TrafficEvent): object {
  return { call, ioctls: ioctls.map(ioctlObject), ...(error === undefined ? {} : { error: errorObject(error) }) };
}

function ioctlObject({ gpu, operation, address, size, attributes, result }: TrafficIoctl): object {
  const names: Readonly<Record<number, string>> = {
    [SvmOperation.setAttributes]: 'set',
    [SvmOperation.getAttributes]: 'get',
    [SvmOperation.resetAttributes]: 'reset',
  };
  return {
    gpu,
    operation: names[operation] ?? operation,
    address: `0x${address.toString(16)}`,
    size: `0x${size.toString(16)}`,
    attributes: attributes.map(({ type, value }) => ({ type, name: uapiAttributeName(type), value })),
    result,
    ...(result < 0 ? { errno: errnoName(result) ?? String(-result) } : {}),
  };
}

function errorObject(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message } = error;
  const code: unknown = 'code' in error ? error.code : 'status' in error ? error.status : undefined;
  return { name, ...(code === undefined ? {} : { code }), message };
}
