/**
 * The file of a recording. It never overwrites one, whoever has written it: devices, threads and processes that record to one
 * path get files of their own. What goes wrong with it ends the recording and never the program that is recorded.
 */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { numbered } from '../../backend/recording-names.ts';
import { warnOfRecording } from './warning.ts';

/** Makes the file, or the first numbered one that is not there. */
function make(asked: string, first: number): { readonly path: string; readonly descriptor: number } {
  for (let number = first; ; number++) {
    const path = number === 1 ? asked : numbered(asked, number);
    try {
      return { path, descriptor: openSync(path, 'wx') };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** A file that holds whole lines, whatever happens. */
export class RecordFile {
  /** The file that is written: the one that was asked for, or one with ".2", ".3", ... if that is there. */
  readonly path: string;
  readonly #descriptor: number;
  /** Neither a pipe nor a terminal: what is in it can be changed. */
  readonly #isRegular: boolean;
  #open = true;
  #stopped = false;
  // Bytes of whole lines, and of the file, which ends with what was announced.
  #length = 0;
  #end = 0;
  readonly #announced = new Set<{ readonly line: string }>();

  /** Makes a file; throws the system's error if that is refused. `first`: the number to begin with, 1 is without one. */
  constructor(asked: string, first = 1) {
    this.#isRegular = !existsSync(asked) || statSync(asked).isFile();
    const made = this.#isRegular ? make(asked, first) : { path: asked, descriptor: openSync(asked, 'w') };
    this.path = made.path;
    this.#descriptor = made.descriptor;
    if (first === 1 && this.path !== asked)
      warnOfRecording(`record: ${asked} is there already; this recording goes to ${this.path}`);
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
    if (!this.#isRegular) return () => undefined;
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
      if (!this.#isRegular) {
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
      if (this.#isRegular) ftruncateSync(this.#descriptor, this.#length);
      const mark = Buffer.from(`# the recording ends here: ${reason.replaceAll('\n', ' ')}\n`);
      const written = writeSync(this.#descriptor, mark, 0, mark.length, this.#isRegular ? this.#length : null);
      // Room for a part of the mark only.
      if (written < mark.length && this.#isRegular) ftruncateSync(this.#descriptor, this.#length);
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
  }

  /** Closes the file and removes it: nothing came of the recording. */
  discard(): void {
    const wasOpen = this.#open;
    this.close();
    if (wasOpen && this.#isRegular) unlinkSync(this.path);
  }
}

/** Writes all of it, which the system may take in parts; `position` null: where the file is. Returns the bytes. */
function writeAll(descriptor: number, text: string, position: number | null): number {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;)
    at += writeSync(descriptor, bytes, at, bytes.length - at, position === null ? null : position + at);
  return bytes.length;
}
