/**
 * Answers as the text that a recording has: written down, or held against the recorded bytes while it is made, so that
 * nothing is built for an answer that is the recorded one.
 */
import { hex } from './hex.ts';

/** Text that is in an answer as it is; ASCII. */
export class Fragment {
  readonly text: string;
  readonly bytes: Uint8Array;

  constructor(text: string) {
    this.text = text;
    this.bytes = new TextEncoder().encode(text);
  }
}

/** Where the text of an answer goes, from its first character to its last. */
export interface AnswerOutput {
  raw(fragment: Fragment): void;
  /** Hexadecimal digits, without anything around them. */
  hex(value: number | bigint): void;
  /** A number in decimal digits. */
  number(value: number): void;
  /** A number that is not compared. */
  uncompared(value: number): void;
}

/** Builds the text. */
export class AnswerWriter implements AnswerOutput {
  text = '';

  raw({ text }: Fragment): void {
    this.text += text;
  }

  hex(value: number | bigint): void {
    this.text += hex(value).slice(2);
  }

  number(value: number): void {
    this.text += String(value);
  }

  uncompared(value: number): void {
    this.number(value);
  }
}

const DIGITS = new TextEncoder().encode('0123456789abcdef');
const COLON = new TextEncoder().encode('":');
const NOTHING = new TextEncoder().encode('0');
const TRUE = new TextEncoder().encode('true');
const FALSE = new TextEncoder().encode('false');
const [ZERO, NINE] = [0x30, 0x39] as const;
/** Numbers are cut here, so that both parts are small integers. */
const HIGH_PART = 2 ** 28;
const LOW_DIGITS = 7;

/** Digits of values that are wider than a double, which are PTE flags: the same few again and again. */
const wideDigits = new Map<bigint, Uint8Array>();
const MOST_WIDE = 1024;

/** A recorded answer as bytes, which an answer is held against piece by piece. */
export class RecordedAnswer implements AnswerOutput {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #end: number;
  #at: number;
  #same = true;

  /** The answer is in `bytes` from `start` to before `end`. */
  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#at = start;
  }

  /** The recorded text. */
  get text(): string {
    return new TextDecoder().decode(this.#bytes.subarray(this.#start, this.#end));
  }

  /** Begins again at the first character. */
  restart(): void {
    this.#at = this.#start;
    this.#same = true;
  }

  /** Whether all there is was given, and was the same. False may also mean "equal, but written otherwise". */
  get isSame(): boolean {
    return this.#same && this.#at === this.#end;
  }

  /** Whether everything was the same so far. */
  get isSameSoFar(): boolean {
    return this.#same;
  }

  raw(fragment: Fragment): void {
    this.#compare(fragment.bytes);
  }

  /** An answer without its closing bracket, as JSON has it. */
  opened(answer: object): void {
    let before = '{"';
    for (const key in answer) {
      const value = (answer as Readonly<Record<string, unknown>>)[key];
      if (value === undefined) continue;
      this.#characters(before, before.length);
      this.#characters(key, key.length);
      this.#compare(COLON);
      if (typeof value === 'boolean') this.#compare(value ? TRUE : FALSE);
      else if (value === 0 && !Object.is(value, -0)) this.#compare(NOTHING);
      else this.value(value);
      before = ',"';
    }
    if (before === '{"') this.#characters(before, 1);
  }

  /** Anything that JSON can say. */
  value(value: unknown): void {
    const text = JSON.stringify(value);
    this.#characters(text, text.length);
  }

  hex(value: number | bigint): void {
    if (typeof value === 'number') {
      this.#hexNumber(value);
      return;
    }
    const number = Number(value);
    if (number <= Number.MAX_SAFE_INTEGER) {
      this.#hexNumber(number);
      return;
    }
    let digits = wideDigits.get(value);
    if (digits === undefined) {
      digits = new TextEncoder().encode(value.toString(16));
      if (wideDigits.size >= MOST_WIDE) wideDigits.clear();
      wideDigits.set(value, digits);
    }
    this.#compare(digits);
  }

  number(value: number): void {
    const text = String(value);
    this.#characters(text, text.length);
  }

  uncompared(): void {
    const first = this.#at;
    while (this.#at < this.#end && this.#bytes[this.#at]! >= ZERO && this.#bytes[this.#at]! <= NINE) this.#at++;
    if (this.#at === first) this.#same = false;
  }

  #hexNumber(value: number): void {
    if (value < HIGH_PART) {
      this.#digits(value, digitsOf(value));
      return;
    }
    const high = Math.floor(value / HIGH_PART);
    this.#digits(high, digitsOf(high));
    this.#digits(value - high * HIGH_PART, LOW_DIGITS);
  }

  /** The last `count` digits of a small integer. */
  #digits(value: number, count: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let shift = (count - 1) * 4; shift >= 0; shift -= 4) {
      if (bytes[at++] !== DIGITS[(value >>> shift) & 0xf]) {
        this.#same = false;
        return;
      }
    }
    this.#at = at;
  }

  #compare(piece: Uint8Array): void {
    const bytes = this.#bytes;
    const { length } = piece;
    let at = this.#at;
    for (let index = 0; index < length; index++) {
      if (bytes[at++] !== piece[index]) {
        this.#same = false;
        return;
      }
    }
    this.#at = at;
  }

  /** The first `count` characters. */
  #characters(text: string, count: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = 0; index < count; index++) {
      if (bytes[at++] !== text.charCodeAt(index)) {
        this.#same = false;
        return;
      }
    }
    this.#at = at;
  }
}

/** Hexadecimal digits of a small integer. */
function digitsOf(value: number): number {
  return (35 - Math.clz32(value | 1)) >> 2;
}
