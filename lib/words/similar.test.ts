import { expect, it } from 'vitest';
import { similar } from './similar.ts';

const KNOWN = ['attributes,split', 'attributes,merge', 'uapi,arguments', 'uapi,pointers', 'faults'];

it.each([
  ['uapi,argumnts', ['uapi,arguments']],
  ['uapi,argumetns', ['uapi,arguments']],
  ['atributes,splitt', ['attributes,split']],
  ['fautls', ['faults']],
  ['something else', []],
  ['', []],
])('%j: %j', (word, expected) => expect(similar(word, KNOWN)).toEqual(expected));

it('gives all that are as near as the nearest, and not more than three', () => {
  expect(similar('ab', ['ac', 'ad', 'ae', 'af', 'xyz'])).toEqual(['ac', 'ad', 'ae']);
});
