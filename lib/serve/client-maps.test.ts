import { closeSync, openSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { nativeAddon, nativeSupport } from '../backend/native-addon.ts';
import { ClientMaps } from './client-maps.ts';
import type { KnownAreas } from './client-maps.ts';
import { MappingQuery } from './mapping-query.ts';
import { parseMaps } from './proc-maps.ts';
import type { MappedArea } from './proc-maps.ts';

const file = openSync('/proc/self/maps', 'r');
const query = nativeSupport().available ? MappingQuery.of(file) : undefined;
const problem = nativeSupport().available
  ? query === undefined
    ? 'this kernel does not know PROCMAP_QUERY'
    : ''
  : nativeSupport().reason;
const source = {
  mapsFile: file,
  readMaps: () => readFileSync('/proc/self/maps'),
  specialKind: () => 'file' as const,
};
afterAll(() => {
  query?.close();
  closeSync(file);
});

describe('questions about mappings', () => {
  beforeEach((context) => {
    if (problem !== '') context.skip(problem);
  });

  it('have the answers of the text', () => {
    const tell = (): readonly MappedArea[] => parseMaps(readFileSync('/proc/self/maps', 'latin1'), source.specialKind);
    const before = tell();
    const answers = before.map((area) => query!.next(area.startPage, source.specialKind));
    // Other threads of the engine map and protect meanwhile: what the text says before and after is what it was between.
    const after = new Map(tell().map((area) => [area.startPage, area]));
    const steady = before.flatMap((area, index) =>
      isDeepStrictEqual(area, after.get(area.startPage)) ? [{ area, answer: answers[index] }] : [],
    );
    expect(steady.length).toBeGreaterThan(before.length * 0.8);
    expect(steady.map(({ answer }) => answer)).toEqual(steady.map(({ area }) => area));
    expect(query!.next(2 ** 40, source.specialKind)).toBe('none');
  });

  /** Looks at pages one after the other; what it found. */
  function look(maps: ClientMaps, ...pages: [number, number][]): { found: string; added: KnownAreas[] } {
    const added: KnownAreas[] = [];
    let index = 0;
    const next = () => {
      const [startPage, endPage] = pages[index++] ?? [0, 0];
      return endPage === 0 ? undefined : { startPage, endPage };
    };
    return { found: maps.lookAt(next, (news) => added.push(news)), added };
  }

  it('see what is new by themselves, and leave what has gone or changed to a look at everything', () => {
    const addon = nativeAddon();
    const maps = new ClientMaps(source);
    maps.lookAtAll();
    // Apart from all other mappings, so that the kernel does not merge it.
    const at = 0x3a00_0000_0000n;
    const mapping = addon.mapMemory(8 * 4096, undefined, at, 1);
    if (typeof mapping === 'number') throw new Error(`mmap: ${mapping}`);
    const page = Number(at >> 12n);
    expect(maps.at(page)).toBeUndefined();
    const first = look(maps, [page + 2, page + 3]);
    expect(first).toMatchObject({ found: 'done', added: [{ startPage: page, endPage: page + 8 }] });
    expect(maps.at(page + 7)).toMatchObject({ startPage: page, endPage: page + 8, kind: 'anon' });
    expect(look(maps, [page, page + 8], [page - 4, page - 2])).toEqual({ found: 'done', added: [] });

    addon.protectMemory(mapping.handle, 4096, 4096, 1);
    expect(look(maps, [page, page + 1])).toMatchObject({ found: 'done' });
    expect(look(maps, [page, page + 2])).toEqual({ found: 'all', added: [] });
    const protectedNews = maps.lookAtAll();
    expect(protectedNews).toMatchObject({ startPage: 0 });
    expect(typeof protectedNews === 'string' ? [] : protectedNews.reprotected).toContainEqual({
      startPage: page + 1,
      endPage: page + 2,
      protection: 1,
    });
    addon.unmapMemory(mapping.handle, 3 * 4096, 4096);
    // Pages that nobody asked for are known as they were.
    expect(look(maps, [page, page + 2])).toEqual({ found: 'done', added: [] });
    expect(look(maps, [page, page + 2], [page + 3, page + 4])).toEqual({ found: 'all', added: [] });
    const gone = maps.lookAtAll();
    expect(typeof gone === 'string' ? [] : gone.vanished).toContainEqual({ startPage: page + 3, endPage: page + 4 });
    addon.unmapMemory(mapping.handle, 0, 3 * 4096);
    addon.unmapMemory(mapping.handle, 4 * 4096, 4 * 4096);
    maps.close();
  });

  it('are given up where the text is faster', () => {
    const maps = new ClientMaps(source);
    expect(look(maps, [0, 2 ** 40])).toMatchObject({ found: 'all' });
    maps.close();
  });
});
