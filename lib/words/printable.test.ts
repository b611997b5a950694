import { describe, expect, it } from 'vitest';
import { printable, printableLines } from './printable.ts';

describe('untrusted text', () => {
  it('reaches a terminal without anything that it obeys', () => {
    expect(printable('\u001b]0;title\u0007\u001b[2J')).toBe('\\u001b]0;title\\u0007\\u001b[2J');
    expect(printable('a\nb\rc\td\u007f\u009b31m')).toBe('a\\u000ab\\u000dc\\u0009d\\u007f\\u009b31m');
    expect(printable('\u2028\u2029\u202e\u2066\u200b\ufeff')).toBe('\\u2028\\u2029\\u202e\\u2066\\u200b\\ufeff');
    expect(printable('\ud800x\u{e0041}')).toBe('\\ud800x\\udb40\\udc41');
    for (let code = 0; code <= 0xffff; code++) {
      const shown = printable(String.fromCharCode(code));
      if (/\p{Cc}|\p{Cs}|\p{Zl}|\p{Zp}|\p{Bidi_Control}/u.test(String.fromCharCode(code)))
        expect(shown).toMatch(/^\\u[0-9a-f]{4}$/);
    }
  });

  it('is not changed otherwise', () => {
    for (const text of ['', 'plain', 'Größe 気 \u{1f600} "\\"', 'עברית العربية']) expect(printable(text)).toBe(text);
  });

  it('is still the same JSON', () => {
    const value = { 'a\u009b': '\u007f\u202e\ud800\u{e0041}\u001b' };
    expect(JSON.parse(printable(JSON.stringify(value)))).toEqual(value);
  });
});

describe('lines of our own', () => {
  it('keep their ends, tabs and colours', () => {
    const text = '\u001b[1mbold\u001b[22m\tx\n\u001b[31mred\u001b[39m';
    expect(printableLines(text)).toBe(text);
    expect(printableLines(`${text}\u001b[8m\u001b[2K\r`)).toBe(`${text}\\u001b[8m\\u001b[2K\\u000d`);
  });
});
