/**
 * Answers as the text that a recording has: written down, or held against the recorded bytes while it is made, so that
 * nothing is built for an answer that is the recorded one.
 */
import { hex, hexAddress } from './hex.ts';

/** Text that is in an answer as it is; ASCII. */
export class Fragment {
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly length: number;
  /** Four characters each; the last one are the last four, which may overlap those before. Empty for a shorter text. */
  readonly words: Int32Array;

  constructor(text: string) {
    this.text = text;
    this.bytes = new TextEncoder().encode(text);
    const { length } = this.bytes;
    this.length = length;
    const view = new DataView(this.bytes.buffer);
    this.words = Int32Array.from({ length: length < WORD ? 0 : Math.ceil(length / WORD) }, (_, index) =>
      view.getInt32(Math.min(index * WORD, length - WORD)),
    );
  }
}

/** Bytes that are compared at once. */
const WORD = 4;

/** Whether the text is in `bytes` from `at` on, and ends at `end` or before. */
export function isAt(
  { bytes: characters, words, length }: Fragment,
  bytes: DataView,
  at: number,
  end: number,
): boolean {
  if (at + length > end) return false;
  const last = words.length - 1;
  if (last < 0) {
    for (let index = 0; index < length; index++) if (bytes.getUint8(at + index) !== characters[index]) return false;
    return true;
  }
  for (let index = 0; index < last; index++) if (bytes.getInt32(at + index * WORD) !== words[index]) return false;
  return bytes.getInt32(at + length - WORD) === words[last];
}

/** Where the text of an answer goes, from its first character to its last. */
export interface AnswerOutput {
  raw(fragment: Fragment): void;
  /** Hexadecimal digits, without anything around them. */
  hex(value: number | bigint): void;
  /** As `hex`, of the address of a page. */
  address(page: number): void;
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

  address(page: number): void {
    this.text += hexAddress(page).slice(2);
  }

  number(value: number): void {
    this.text += String(value);
  }

  uncompared(value: number): void {
    this.number(value);
  }
}

const OPEN = new Fragment('{');
const [FIRST_KEY, NEXT_KEY, COLON] = [new Fragment('{"'), new Fragment(',"'), new Fragment('":')];
const [OPEN_LIST, COMMA, END_OF_LIST] = [new Fragment('['), new Fragment(','), new Fragment(']')];
const QUOTE = new Fragment('"');
const THREE_ZEROS = new Fragment('000');
const ONE_ZERO = new Fragment('0');
const TRUE = new Fragment('true');
const FALSE = new Fragment('false');
const [MINUS, ZERO, NINE, LETTER_A] = [0x2d, 0x30, 0x39, 0x61] as const;
const [FIRST_PLAIN, DOUBLE_QUOTE, BACKSLASH, LAST_PLAIN] = [0x20, 0x22, 0x5c, 0x7e] as const;
/** Numbers are cut here, so that both parts are integers of 32 bits. */
const HIGH_PART = 2 ** 32;
const LOW_DIGITS = 8;
/** Decimal digits whose value a double holds. */
const MOST_DECIMALS = 15;

/** Digits of values that are wider than a double, which are PTE flags: the same few again and again. */
const wideDigits = new Map<bigint, Fragment>();
const MOST_WIDE = 1024;

/** A recorded answer as bytes, which an answer is held against piece by piece. */
export class RecordedAnswer implements AnswerOutput {
  readonly #bytes: DataView;
  readonly #start: number;
  readonly #end: number;
  #at: number;
  #same = true;
  // The wide value that was met last.
  #wide = 0n;
  #wideDigits: Fragment = ONE_ZERO;

  /** The answer is in `bytes` from `start` to before `end`. */
  constructor(bytes: DataView, start: number, end: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#at = start;
  }

  /** The recorded text. */
  get text(): string {
    const { buffer, byteOffset } = this.#bytes;
    return new TextDecoder().decode(new Uint8Array(buffer, byteOffset + this.#start, this.#end - this.#start));
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
    if (isAt(fragment, this.#bytes, this.#at, this.#end)) this.#at += fragment.length;
    else this.#same = false;
  }

  /** An answer without its closing bracket, as JSON has it. */
  opened(answer: object): void {
    let before = FIRST_KEY;
    for (const key in answer) {
      const value = (answer as Readonly<Record<string, unknown>>)[key];
      if (value === undefined) continue;
      this.raw(before);
      this.#plain(key);
      this.raw(COLON);
      this.value(value);
      before = NEXT_KEY;
    }
    if (before === FIRST_KEY) this.raw(OPEN);
  }

  /** Anything that JSON can say. */
  value(value: unknown): void {
    if (typeof value === 'number') this.number(value);
    else if (typeof value === 'boolean') this.raw(value ? TRUE : FALSE);
    else if (Array.isArray(value)) this.#list(value);
    else if (typeof value === 'string' && isPlain(value)) {
      this.raw(QUOTE);
      this.#plain(value);
      this.raw(QUOTE);
    } else this.#plain(JSON.stringify(value));
  }

  hex(value: number | bigint): void {
    if (typeof value === 'number') this.#hexNumber(value);
    else if (value === this.#wide) this.raw(this.#wideDigits);
    else {
      const number = Number(value);
      if (number <= Number.MAX_SAFE_INTEGER) this.#hexNumber(number);
      else this.#hexWide(value);
    }
  }

  address(page: number): void {
    this.#hexNumber(page);
    if (page !== 0) this.raw(THREE_ZEROS);
  }

  number(value: number): void {
    const isNegative = value < 0;
    if (isNegative && (this.#at === this.#end || this.#bytes.getUint8(this.#at++) !== MINUS)) {
      this.#same = false;
      return;
    }
    const start = this.#at;
    const read = this.#decimals();
    const digits = this.#at - start;
    if (
      read !== (isNegative ? -value : value) ||
      digits === 0 ||
      digits > MOST_DECIMALS ||
      (digits > 1 && this.#bytes.getUint8(start) === ZERO)
    )
      this.#same = false;
  }

  uncompared(): void {
    const first = this.#at;
    this.#decimals();
    if (this.#at === first) this.#same = false;
  }

  /** Goes on to the first character that is no digit; the value of the digits before it. */
  #decimals(): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#at;
    let value = 0;
    for (; at < end; at++) {
      const digit = bytes.getUint8(at);
      if (digit < ZERO || digit > NINE) break;
      value = value * 10 + digit - ZERO;
    }
    this.#at = at;
    return value;
  }

  #hexWide(value: bigint): void {
    let digits = wideDigits.get(value);
    if (digits === undefined) {
      digits = new Fragment(value.toString(16));
      if (wideDigits.size >= MOST_WIDE) wideDigits.clear();
      wideDigits.set(value, digits);
    }
    this.#wide = value;
    this.#wideDigits = digits;
    this.raw(digits);
  }

  #hexNumber(value: number): void {
    if (value < HIGH_PART) {
      this.#digits(value | 0, digitsOf(value | 0));
      return;
    }
    const high = Math.floor(value / HIGH_PART);
    this.#digits(high, digitsOf(high));
    this.#digits((value - high * HIGH_PART) | 0, LOW_DIGITS);
  }

  /** The last `count` hexadecimal digits of an integer of 32 bits. */
  #digits(value: number, count: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    let rest = count;
    if (at + count > this.#end) {
      this.#same = false;
      return;
    }
    while (rest % WORD !== 0) {
      const digit = (value >>> (--rest * 4)) & 0xf;
      if (bytes.getUint8(at++) !== (digit < 10 ? ZERO + digit : LETTER_A + digit - 10)) {
        this.#same = false;
        return;
      }
    }
    while (rest > 0) {
      rest -= WORD;
      if (bytes.getInt32(at) !== fourDigits((value >>> (rest * 4)) & 0xffff)) {
        this.#same = false;
        return;
      }
      at += WORD;
    }
    this.#at = at;
  }

  #list(values: readonly unknown[]): void {
    this.raw(OPEN_LIST);
    for (let index = 0; index < values.length; index++) {
      if (index > 0) this.raw(COMMA);
      this.value(values[index]);
    }
    this.raw(END_OF_LIST);
  }

  /** Text as it is. */
  #plain(text: string): void {
    const bytes = this.#bytes;
    const at = this.#at;
    const { length } = text;
    if (at + length > this.#end) {
      this.#same = false;
      return;
    }
    for (let index = 0; index < length; index++) {
      if (bytes.getUint8(at + index) !== text.charCodeAt(index)) {
        this.#same = false;
        return;
      }
    }
    this.#at = at + length;
  }
}

/** Whether JSON has a text as it is. */
function isPlain(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < FIRST_PLAIN || code > LAST_PLAIN || code === DOUBLE_QUOTE || code === BACKSLASH) return false;
  }
  return true;
}

/** Hexadecimal digits of an integer of 32 bits. */
function digitsOf(value: number): number {
  return (35 - Math.clz32(value | 1)) >> 2;
}

/** The four hexadecimal digits of 16 bits as characters, the first one in the highest byte. */
function fourDigits(value: number): number {
  const halves = (value | (value << 8)) & 0xff_00ff;
  const digits = (halves | (halves << 4)) & 0xf0f_0f0f;
  // One in the bytes of the digits that are letters.
  const letters = ((digits + 0x606_0606) >>> 4) & 0x101_0101;
  return digits + 0x3030_3030 + letters * (LETTER_A - 10 - ZERO);
}
