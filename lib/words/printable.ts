/**
 * Text that others chose - names of programs and files, fields of traces, messages with those in
 * them - as it may go to a terminal, which obeys control characters.
 */

// C0, DEL and C1 (escape sequences), the line and paragraph separator, marks and overrides of the
// writing direction, invisible characters, and surrogates without a partner.
const UNPRINTABLE =
  /[\p{Cc}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Cs}/gu;

/** `text` on one line, with everything that a terminal would not just show as "\uXXXX", which JSON understands too. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escapeUnits);
}

// Colours of our own: `styleText` and nothing else.
// oxlint-disable-next-line no-control-regex -- the escape sequences themselves
const KEPT = /(\n|\t|\u001b\[(?:[0-2]|22|3[1-6]|39)m)/;

/** As `printable`, for whole lines of our own making: line ends, tabs and the colours of our own stay. */
export function printableLines(text: string): string {
  // Most text has nothing to escape, and this is asked for each line of a long output.
  if (!UNSAFE.test(text)) return text;
  return text
    .split(KEPT)
    .map((part, index) => (index % 2 === 1 ? part : printable(part)))
    .join('');
}

const UNSAFE = new RegExp(UNPRINTABLE.source, 'u');

function escapeUnits(character: string): string {
  let escaped = '';
  for (let index = 0; index < character.length; index++)
    escaped += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
  return escaped;
}
