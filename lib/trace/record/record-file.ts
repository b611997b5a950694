/**
 * The file of a recording. One writer each, also among processes and threads; what goes wrong with it ends the
 * recording and never the program that is recorded.
 */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  ftruncateSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join, parse } from 'node:path';
import { threadId } from 'node:worker_threads';
import { warnOfRecording } from './warning.ts';

/** Locks that this thread holds, for the end of the process. */
const held = new Set<string>();

/** `FILE.lock` names who writes FILE: process, its start, thread. */
function owner(pid: number): string {
  return `${pid} ${startOf(pid) ?? '-'}`;
}

/** Start of a process in ticks since boot, which tells it from a later one of the same id. */
function startOf(pid: number): string | undefined {
  try {
    // Behind the name, which is in brackets and may hold anything.
    return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ')[19];
  } catch {
    return undefined; // No such process, or no /proc.
  }
}

function isAlive(text: string): boolean {
  const [pid = '', start] = text.split(' ');
  if (!/^[1-9]\d{0,9}$/.test(pid)) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false; // EPERM: somebody else's, and alive.
  }
  const now = startOf(Number(pid));
  return now === undefined || start === undefined || start === '-' || now === start;
}

/** Takes the lock of a file; the text of its owner if another writer has it. */
function lock(path: string): string | undefined {
  const name = `${path}.lock`;
  for (;;) {
    try {
      const descriptor = openSync(name, 'wx');
      writeSync(descriptor, `${owner(process.pid)} ${threadId}`);
      closeSync(descriptor);
      if (held.size === 0) process.once('exit', releaseAll);
      held.add(name);
      return undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const text = textOf(name);
    if (text === undefined) continue;
    // Empty: its writer is about to say who it is.
    if (text === '' || isAlive(text)) return text;
    // Left by a process that crashed. Whoever renames it has it; a newer one that got in between goes back.
    const aside = `${name}.${process.pid}.${threadId}`;
    try {
      renameSync(name, aside);
      if (textOf(aside) !== text) linkSync(aside, name);
      unlinkSync(aside);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'EEXIST') throw error;
    }
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function release(name: string): void {
  if (!held.delete(name)) return;
  try {
    unlinkSync(name);
  } catch {
    // Gone already: the folder was removed.
  }
  // One listener while there are locks, not one for each time that there were none.
  if (held.size === 0) process.off('exit', releaseAll);
}

function releaseAll(): void {
  for (const name of [...held]) release(name);
}

/** `FILE.N` before the ending. */
export function numbered(path: string, number: number): string {
  const { dir, name, ext } = parse(path);
  return join(dir, `${name}.${number}${ext}`);
}

/** Opens a file whose lock is held; without the file the lock goes, too. */
function opened(path: string, flags: 'w' | 'wx'): number {
  try {
    return openSync(path, flags);
  } catch (error) {
    release(`${path}.lock`);
    throw error;
  }
}

/** Locks and opens the first numbered file that nobody has written before: it may be the whole recording of a sibling. */
function openSibling(asked: string): { readonly path: string; readonly descriptor: number } {
  for (let number = 2; ; number++) {
    const path = numbered(asked, number);
    if (existsSync(path) || lock(path) !== undefined) continue;
    try {
      return { path, descriptor: opened(path, 'wx') };
    } catch (error) {
      // Made, and finished, since the look at it.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** A file that holds whole lines, whatever happens. */
export class RecordFile {
  /** The file that is written: the one that was asked for, or another if that one is being written. */
  readonly path: string;
  readonly #descriptor: number;
  readonly #locked: boolean;
  #open = true;
  #stopped = false;
  // Bytes of whole lines, and of the file, which ends with what was announced.
  #length = 0;
  #end = 0;
  readonly #announced = new Set<{ readonly line: string }>();

  /** Creates or empties the file; throws the system's error if that is refused. */
  constructor(asked: string) {
    // A pipe or a terminal has no contents to protect.
    this.#locked = !existsSync(asked) || statSync(asked).isFile();
    const isFree = !this.#locked || lock(asked) === undefined;
    const { path, descriptor } = isFree ? { path: asked, descriptor: opened(asked, 'w') } : openSibling(asked);
    this.path = path;
    this.#descriptor = descriptor;
    if (!isFree)
      warnOfRecording(`record: ${asked} is being written by another thread or process; this recording goes to ${path}`);
  }

  /** Adds a line, at once: a crash loses nothing that was written. */
  write(line: string): void {
    this.#put(`${line}\n`);
  }

  /**
   * Says at the end of the file, as a comment, which operation comes next: what ends the process, or the kernel, may be that
   * one. `durable`: on the disk, not only with the kernel. The returned function takes it back with the next line.
   */
  announce(line: string, durable: boolean): () => void {
    // What a pipe has taken is not taken back.
    if (!this.#locked) return () => undefined;
    const announced = { line };
    this.#announced.add(announced);
    this.#put('');
    if (durable && this.#open) fdatasyncSync(this.#descriptor);
    return () => void this.#announced.delete(announced);
  }

  /** Writes whole lines, and after them what was announced. */
  #put(lines: string): void {
    if (!this.#open || this.#stopped) return;
    try {
      if (!this.#locked) {
        writeAll(this.#descriptor, lines, null);
        return;
      }
      const tail = [...this.#announced].map(({ line }) => `# next: ${line}\n`).join('');
      const end = this.#length + writeAll(this.#descriptor, lines + tail, this.#length);
      this.#length = end - Buffer.byteLength(tail);
      if (end < this.#end) ftruncateSync(this.#descriptor, end);
      this.#end = end;
    } catch (error) {
      this.stop((error as Error).message);
    }
  }

  /** Replaces the first line by another of the same length. */
  rewriteFirst(line: string): void {
    if (!this.#open || this.#stopped) return;
    try {
      writeSync(this.#descriptor, line, 0);
    } catch (error) {
      this.stop((error as Error).message);
    }
  }

  /** Ends the recording: says so once, and marks the end of the file. The program goes on. */
  stop(reason: string): void {
    if (!this.#open || this.#stopped) return;
    this.#stopped = true;
    warnOfRecording(`record: ${this.path} ends here: ${reason}`);
    try {
      // A torn line would make the whole file unreadable. Making it shorter needs no room.
      if (this.#locked) ftruncateSync(this.#descriptor, this.#length);
      const mark = Buffer.from(`# the recording ends here: ${reason.replaceAll('\n', ' ')}\n`);
      const written = writeSync(this.#descriptor, mark, 0, mark.length, this.#locked ? this.#length : null);
      // Room for a part of the mark only.
      if (written < mark.length && this.#locked) ftruncateSync(this.#descriptor, this.#length);
    } catch {
      // No room for the mark either; what is there are whole lines.
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      closeSync(this.#descriptor);
    } catch (error) {
      // Some file systems tell only now that they have no room.
      warnOfRecording(`record: ${this.path} may not be complete: ${(error as Error).message}`);
    }
    release(`${this.path}.lock`);
  }
}

/** Writes all of it, which the system may take in parts; `position` null: where the file is. Returns the bytes. */
function writeAll(descriptor: number, text: string, position: number | null): number {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;)
    at += writeSync(descriptor, bytes, at, bytes.length - at, position === null ? null : position + at);
  return bytes.length;
}
