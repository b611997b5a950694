/** Traces that come into the page and leave it. */
import { codedError } from '../../uapi/errors.ts';
import { EmulatedMachine } from '../../../emulator/index.ts';
import type { AsicName } from '../../../emulator/index.ts';
import { configOfMachine } from '../../trace/format/config.ts';
import type { NamedTrace } from '../model/loading.ts';
import { InspectorSession, lineOf } from '../model/session.ts';

/** The traces that were put into the page when it was made: none, one, or two to compare. */
export function embeddedTraces(): readonly NamedTrace[] {
  return [...document.querySelectorAll('script[type="application/json"].trace')].map(
    ({ textContent }) => JSON.parse(textContent ?? '') as NamedTrace,
  );
}

/** The text of a file, plain or gzip; throws an Error that begins with its name. */
export async function readFile(file: File): Promise<NamedTrace> {
  const { name } = file;
  const complain = (message: string, cause: unknown): Error =>
    codedError('ERR_SVM_TRACE', `${name}: ${message}`, { cause });
  let bytes: ArrayBuffer;
  try {
    bytes = await file.arrayBuffer();
  } catch (error) {
    throw complain('cannot be read (a folder?)', error);
  }
  const [first, second] = new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength));
  if (first === 0x1f && second === 0x8b) {
    try {
      bytes = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
    } catch (error) {
      throw complain('is no complete gzip file', error);
    }
  }
  try {
    return { name, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    throw complain('is no trace: a trace is UTF-8 text with one JSON object per line', error);
  }
}

/** A session in which nothing has happened yet, on a device of the catalogue or on the usual one. */
export function emptySession(asic?: AsicName): InspectorSession {
  if (asic === undefined) return new InspectorSession();
  const { options } = new EmulatedMachine({ asic });
  return new InspectorSession([lineOf({ config: configOfMachine(options, false) })]);
}

/** Gives the user a file. */
export function saveFile(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

/** "story" of "story.jsonl.gz" */
export function baseName(name: string): string {
  return name.replace(/(\.jsonl)?(\.gz)?$/, '') || 'session';
}
