/**
 * Reads requests straight from the bytes of a trace, where they are written as recorders write them: without white space, escapes
 * and fractions (spec/trace-format §1). It never gives anything else than JSON.parse would, and gives nothing where it is not sure.
 */

/** Most entries of objects and lists, and most levels of them, that are read here; recordings have fewer. */
const MOST_FIELDS = 16;
const MOST_LEVELS = 12;
/** Characters of the longest text that is read here. */
const LONGEST_WORD = 32;

/** An object of a request: names and values in the order of the text. A value is a bigint where the text is "0x..." in small letters. */
export class RequestObject {
  readonly names: string[] = [];
  readonly values: unknown[] = [];
  count = 0;

  /** The value of a field, undefined if there is none. */
  get(name: string): unknown {
    const { names } = this;
    for (let index = this.count - 1; index >= 0; index--) if (names[index] === name) return this.values[index];
    return undefined;
  }

  /** The fields of an object as JSON.parse gives it. */
  static of(values: Readonly<Record<string, unknown>>): RequestObject {
    const object = new RequestObject();
    for (const name in values) {
      object.names[object.count] = name;
      object.values[object.count++] = values[name];
    }
    return object;
  }
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LETTER_A = 0x61;
const LETTER_F = 0x66;
const LETTER_X = 0x78;
const LETTER_Z = 0x7a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const TILDE = 0x7e;

const TRUE = new TextEncoder().encode('true');
const FALSE = new TextEncoder().encode('false');

/** Decimal digits whose value a double holds. */
const MOST_DECIMALS = 15;
const LOW_BITS = 28;
const LOW_MASK = 2 ** LOW_BITS - 1;
/** Hexadecimal digits whose value a double holds, and of a u64. */
const MOST_EXACT = 13;
const MOST_DIGITS = 16;

/** Reads the requests of one trace, one after the other. What it gives is valid until it begins to read the next one. */
export class RequestReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  // Used again for each request.
  readonly #objects: RequestObject[] = [];
  #used = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The place after the last character that was read. */
  get end(): number {
    return this.#at;
  }

  /** The object that begins at `start`; undefined where JSON.parse is to read it. */
  read(start: number): RequestObject | undefined {
    this.#at = start;
    this.#used = 0;
    return this.#bytes[start] === OPEN_BRACE ? this.#object(MOST_LEVELS) : undefined;
  }

  #object(levels: number): RequestObject | undefined {
    if (levels === 0) return undefined;
    const bytes = this.#bytes;
    if (this.#used === this.#objects.length) this.#objects.push(new RequestObject());
    const object = this.#objects[this.#used++]!;
    object.count = 0;
    if (bytes[++this.#at] === CLOSE_BRACE) {
      this.#at++;
      return object;
    }
    for (let count = 0; count < MOST_FIELDS;) {
      if (bytes[this.#at] !== QUOTE || !isSmallLetter(bytes[this.#at + 1]!)) return undefined;
      const name = this.#word();
      // The last one of a name counts, of names that JSON.parse reads.
      if (name === undefined || bytes[this.#at++] !== COLON || object.get(name) !== undefined) return undefined;
      const value = this.#value(levels);
      if (value === undefined) return undefined;
      object.names[count] = name;
      object.values[count] = value;
      object.count = ++count;
      const after = bytes[this.#at++];
      if (after === CLOSE_BRACE) return object;
      if (after !== COMMA) return undefined;
    }
    return undefined;
  }

  #value(levels: number): unknown {
    const bytes = this.#bytes;
    const first = bytes[this.#at]!;
    if (first === QUOTE)
      return bytes[this.#at + 1] === ZERO && bytes[this.#at + 2] === LETTER_X ? this.#hex() : this.#word();
    if (first === MINUS || (first >= ZERO && first <= NINE)) return this.#number();
    if (first === OPEN_BRACKET) return this.#list(levels - 1);
    if (first === OPEN_BRACE) return this.#object(levels - 1);
    if (this.#has(TRUE)) return true;
    return this.#has(FALSE) ? false : undefined;
  }

  #has(text: Uint8Array): boolean {
    const at = this.#at;
    for (let index = 0; index < text.length; index++) if (this.#bytes[at + index] !== text[index]) return false;
    this.#at = at + text.length;
    return true;
  }

  /** A list without "0x..." texts. */
  #list(levels: number): unknown[] | undefined {
    if (levels === 0) return undefined;
    const bytes = this.#bytes;
    const list: unknown[] = [];
    if (bytes[++this.#at] === CLOSE_BRACKET) {
      this.#at++;
      return list;
    }
    for (;;) {
      const value = this.#value(levels);
      if (value === undefined || typeof value === 'bigint') return undefined;
      list.push(value);
      const after = bytes[this.#at++];
      if (after === CLOSE_BRACKET) return list;
      if (after !== COMMA) return undefined;
    }
  }

  #number(): number | undefined {
    const bytes = this.#bytes;
    const isNegative = bytes[this.#at] === MINUS;
    const start = isNegative ? this.#at + 1 : this.#at;
    let at = start;
    let value = 0;
    for (let code = bytes[at]!; code >= ZERO && code <= NINE; code = bytes[++at]!) value = value * 10 + code - ZERO;
    const digits = at - start;
    // No -0, and no digit is to go before; a fraction or an exponent ends where no comma or bracket is.
    if (digits === 0 || digits > MOST_DECIMALS || (bytes[start] === ZERO && (digits > 1 || isNegative)))
      return undefined;
    this.#at = at;
    return isNegative ? -value : value;
  }

  #hex(): bigint | undefined {
    const bytes = this.#bytes;
    const start = this.#at + 3;
    let at = start;
    let high = 0;
    let low = 0;
    for (let code = bytes[at]!; code !== QUOTE; code = bytes[++at]!) {
      const digit = code <= NINE ? code - ZERO : code >= LETTER_A && code <= LETTER_F ? code - LETTER_A + 10 : -1;
      if (digit < 0) return undefined;
      high = (high << 4) | (low >>> (LOW_BITS - 4));
      low = ((low << 4) & LOW_MASK) | digit;
    }
    const digits = at - start;
    if (digits === 0 || digits > MOST_DIGITS || (bytes[start] === ZERO && digits > 1)) return undefined;
    this.#at = at + 1;
    return digits <= MOST_EXACT
      ? BigInt(high * 2 ** LOW_BITS + low)
      : BigInt(`0x${String.fromCharCode(...bytes.subarray(start, at))}`);
  }

  /** A text of plain characters. */
  #word(): string | undefined {
    const bytes = this.#bytes;
    const start = this.#at + 1;
    let at = start;
    let hash = 0;
    for (let code = bytes[at]!; code !== QUOTE; code = bytes[++at]!) {
      // Also false at the end of all bytes.
      if (!(code >= 0x20 && code <= TILDE) || code === BACKSLASH) return undefined;
      hash = (Math.imul(hash, 31) + code) | 0;
    }
    if (at - start > LONGEST_WORD) return undefined;
    this.#at = at + 1;
    return wordOf(bytes, start, at, hash);
  }
}

function isSmallLetter(code: number): boolean {
  return code >= LETTER_A && code <= LETTER_Z;
}

/** A word that was met, as text and as characters. */
interface KnownWord {
  readonly text: string;
  readonly bytes: Uint8Array;
}

/** Words by their hash; where two have the same place, the one that was met first keeps it. */
const words: (KnownWord | undefined)[] = Array.from({ length: 1024 }, () => undefined);

function wordOf(bytes: Uint8Array, start: number, end: number, hash: number): string {
  const place = (hash ^ (hash >>> 10)) & (words.length - 1);
  const known = words[place];
  if (known !== undefined && isAt(known.bytes, bytes, start, end)) return known.text;
  const piece = new Uint8Array(bytes.subarray(start, end));
  // As the name of a property, so that it is the same text for V8 as in the code, and compared as one.
  const [text] = Object.keys({ [String.fromCharCode(...piece)]: true });
  if (known === undefined) words[place] = { text: text!, bytes: piece };
  return text!;
}

function isAt(word: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const { length } = word;
  if (end - start !== length) return false;
  for (let index = 0; index < length; index++) if (word[index] !== bytes[start + index]) return false;
  return true;
}
