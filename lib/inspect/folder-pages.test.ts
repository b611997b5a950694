import { expect, it } from 'vitest';
import { folderPages } from './folder-pages.ts';

const pages = folderPages('recordings/<b>', [
  { name: 'one.jsonl', size: '3 kB', page: () => 'the page of one' },
  {
    name: '<i>"two"&.jsonl',
    size: '5 B',
    page: () => {
      throw new Error('<i>:2: no JSON');
    },
  },
]);

it('lists the traces, whatever they are called', () => {
  const list = pages('')!;
  expect(list).toContain('<a href="0/">one.jsonl</a>');
  expect(list).toContain('<a href="1/">&lt;i&gt;&quot;two&quot;&amp;.jsonl</a>');
  expect(list).toContain('<h1>recordings/&lt;b&gt;</h1>');
  expect(list).toContain("default-src 'none'");
});

it('has a page for each, also for one that cannot be read', () => {
  expect(pages('0/')).toBe('the page of one');
  expect(pages('1/')).toContain('<p>&lt;i&gt;:2: no JSON</p>');
});

it.each(['2/', '0', '-1/', '00x/', '0/x', '../', '1e0/'])('has nothing at %j', (place) => {
  expect(pages(place)).toBe(undefined);
});
