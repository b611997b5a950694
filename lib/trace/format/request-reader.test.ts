import { describe, expect, it } from 'vitest';
import { RequestObject, RequestReader } from './request-reader.ts';

/** What the reader gives, as JSON.parse would; undefined where it leaves the text to it. */
const readFrom = (text: string, start = 0): { value: unknown; end: number } | undefined => {
  const reader = new RequestReader(new TextEncoder().encode(text));
  const object = reader.read(start);
  return object === undefined ? undefined : { value: plain(object), end: reader.end };
};

const plain = (value: unknown): unknown => {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof RequestObject)) return value;
  return Object.fromEntries(value.names.slice(0, value.count).map((name, index) => [name, plain(value.values[index])]));
};

const READ = [
  '{"gc":{}}',
  '{"fault":{"addr":"0x555501785ff8","write":true,"ts":"0x0"}}',
  '{"set":{"addr":"0x555501798000","size":"0xffffaaaafef94000","attrs":[[0,4294967295],[2,1],[3,9]]}}',
  '{"get":{"addr":4096,"size":"0xffffffffffffffff","types":[]}}',
  '{"kfd":{"quiesce":-16}}',
  '{"mmap":{"addr":"0x1fffffffffffff","len":"0x20000000000000","prot":"rw","kind":"anon"}}',
  '{"access":{"addr":"0xfffffff","len":"0x10000000","write":false,"inject":[{"at":"hmm","nth":1,"do":{"gc":{}}}],"fail":[{"at":"zap","err":-12}]}}',
];

/** What JSON.parse reads or refuses, and the reader leaves to it. */
const LEFT = [
  '',
  '[]',
  '{',
  '{"gc":{}',
  '{"gc": {}}',
  '{"gc":{"a":1,}}',
  '{"gc":{"a":1 }}',
  '{"gc":{,}}',
  '{"gc":{"a"}}',
  '{"gc":{"a":}}',
  '{"gc":{"a":null}}',
  '{"gc":{"a":tru}}',
  '{"gc":{"a":1.5}}',
  '{"gc":{"a":1e3}}',
  '{"gc":{"a":01}}',
  '{"gc":{"a":-0}}',
  '{"gc":{"a":-}}',
  '{"gc":{"a":1234567890123456}}',
  '{"gc":{"a":"0x"}}',
  '{"gc":{"a":"0x01"}}',
  '{"gc":{"a":"0xA"}}',
  '{"gc":{"a":"0xg"}}',
  '{"gc":{"a":"0x10000000000000000"}}',
  '{"gc":{"a":["0x1"]}}',
  '{"gc":{"a":[1,]}}',
  '{"gc":{"a":[1}}',
  '{"gc":{"a":"b\\n"}}',
  '{"gc":{"a":"é"}}',
  '{"gc":{"a":"b}}',
  '{"gc":{"a":1,"b":2,"a":3}}',
  '{"gc":{"__proto__":{}}}',
  '{"gc":{"0":1}}',
  `{"gc":{"a":"${'b'.repeat(40)}"}}`,
  `{"gc":{${Array.from({ length: 20 }, (_, index) => `"a${index}":1`).join(',')}}}`,
  `{"gc":{"a":${'['.repeat(40)}${']'.repeat(40)}}}`,
];

/** Numbers without a pattern, the same each time. */
function* numbers(): Generator<number, never> {
  for (let state = 1; ; state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) yield state >>> 8;
}

describe('the reader of requests', () => {
  it.each(READ)('reads %s', (text) => {
    expect(readFrom(text)).toEqual({ value: JSON.parse(text), end: text.length });
    // Once more, when the words are known, and amid others.
    expect(readFrom(`{"in":${text},"out":{}}`, 6)).toEqual({ value: JSON.parse(text), end: 6 + text.length });
  });

  it.each(LEFT)('leaves %s to JSON.parse', (text) => {
    expect(readFrom(text)).toBeUndefined();
  });

  it('gives what JSON.parse gives, or nothing, for requests with any character changed', () => {
    const random = numbers();
    const characters = [...'{}[]",:0x19afn-+.eE tg\\é\n', ''];
    let read = 0;
    for (let count = 0; count < 4000; count++) {
      let text = READ[count % READ.length]!;
      for (let changes = random.next().value % 3; changes >= 0; changes--) {
        const at = random.next().value % text.length;
        const character = characters[random.next().value % characters.length]!;
        text = text.slice(0, at) + character + text.slice(at + (random.next().value % 2));
      }
      const found = readFrom(text);
      if (found === undefined) continue;
      read++;
      const part = new TextDecoder().decode(new TextEncoder().encode(text).subarray(0, found.end));
      expect(found.value).toEqual(JSON.parse(part));
    }
    expect(read).toBeGreaterThan(100);
  });

  it('gives a text as the same one that the code has, also where others have its place', () => {
    for (let count = 0; count < 3000; count++) {
      const text = `{"w${count}":{"word":"v${count}"}}`;
      expect(readFrom(text)!.value).toEqual(JSON.parse(text));
    }
  });
});
