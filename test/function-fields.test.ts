/** Rules of the emulator's classes that only speed and memory show when they are broken. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = path.join(import.meta.dirname, '../emulator');
/** A field with a function literal, or one that is assigned to a property; all code is formatted alike. */
const FIELD = /^ {2}(?:readonly )?#?\w+(?:: [^=]+)? = (?:async )?(?:function\b|(?:\(.*\)|\w+)(?:: .+)? =>)/;
const ASSIGNED = /(?:^|\) )\s*\w+(?:\.#?\w+)+ = (?:async )?(?:function\b|(?:\(.*\)|\w+)(?:: .+)? =>)/;

/** Classes that have an object for each range, block of pages, interval, notifier or mapping. */
const OF_MANY = [
  'gpusvm/range.ts',
  'gpusvm/notifier.ts',
  'kernel/page-block.ts',
  'mm/vma.ts',
  'svm/attribute-interval.ts',
  'svm/svm-range.ts',
];
const PRIVATE_METHOD = /^ {2}(?:get |set )?#\w+\(/m;

/** Lines of `text` that put a function literal into a property. */
function functionsInProperties(name: string, text: string): string[] {
  return text
    .split('\n')
    .flatMap((line, index) => (FIELD.test(line) || ASSIGNED.test(line) ? [`${name}:${index + 1}`] : []));
}

describe('what the objects of the emulator hold', () => {
  it('are no functions of their own, which V8 takes to be there to stay, with all that they refer to', () => {
    const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /(?<!\.test)\.ts$/.test(name),
    );
    expect(files.length).toBeGreaterThan(100);
    const found = files.flatMap((name) => functionsInProperties(name, readFileSync(path.join(ROOT, name), 'utf8')));
    expect(found.map((place) => place.replaceAll(path.sep, '/'))).toEqual([]);
  });

  it.each(OF_MANY)('are no brands, which a class with private methods stores in each object: %s', (name) => {
    expect(readFileSync(path.join(ROOT, name), 'utf8')).not.toMatch(PRIVATE_METHOD);
    expect('class A {\n  #widen(first: number): void {').toMatch(PRIVATE_METHOD);
  });

  it('is found', () => {
    const text = [
      'class A {',
      '  b = 1;',
      '  readonly #c = (page: number): void => {',
      '  d: Check = () => false;',
      '  e() {',
      '    this.f = function () {};',
      '    costs.onSpent = (spending) => events.spent(spending);',
      '    this.g = names.map((name) => name);',
    ];
    expect(functionsInProperties('a.ts', text.join('\n'))).toEqual(['a.ts:3', 'a.ts:4', 'a.ts:6', 'a.ts:7']);
  });
});
