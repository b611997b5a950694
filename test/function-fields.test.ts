/** Rules of the emulator's classes that only speed and memory show when they are broken. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseSync, Visitor } from 'rolldown/utils';
import { describe, expect, it } from 'vitest';

const ROOT = path.join(import.meta.dirname, '../emulator');
/** A field with a function literal, or one that is assigned to a property; all code is formatted alike. */
const FIELD =
  /^ {2}(?:private )?(?:readonly )?#?\w+(?:: [^=]+)? = (?:async )?(?:function\b|(?:\(.*\)|\w+)(?:: .+)? =>)/;
const ASSIGNED = /(?:^|\) )\s*\w+(?:\.#?\w+)+ = (?:async )?(?:function\b|(?:\(.*\)|\w+)(?:: .+)? =>)/;

/** What models the kernel and the GPU; nobody outside of the emulator holds its objects. */
const MODEL = ['gpu', 'gpusvm', 'kernel', 'mm', 'revisions', 'svm'];
const PRIVATE_NAME = /^ {2}(?:(?:static|readonly|async|get|set) )*\*?#\w+|\.#\w/m;

/** Fields of the classes in `text` that the constructor leaves out; those called `#name` have a value in any case. */
function fieldsWithoutValue(name: string, text: string): string[] {
  const found: string[] = [];
  new Visitor({
    ClassBody({ body }) {
      const constructor = body.find((each) => each.type === 'MethodDefinition' && each.kind === 'constructor');
      const assignments = constructor === undefined ? '' : text.slice(constructor.start, constructor.end);
      for (const each of body) {
        if (each.type !== 'PropertyDefinition' || each.value !== null || each.static || each.declare) continue;
        const field = text.slice(each.key.start, each.key.end);
        if (!field.startsWith('#') && !assignments.includes(`this.${field} = `)) found.push(`${name}: ${field}`);
      }
    },
  }).visit(parseSync(name, text).program);
  return found;
}

/** The emulator's modules, relative to its folder, without tests. */
function sources(): string[] {
  return readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
    .filter((name) => /(?<!\.test)\.ts$/.test(name))
    .map((name) => name.replaceAll(path.sep, '/'));
}

/** Lines of `text` that put a function literal into a property. */
function functionsInProperties(name: string, text: string): string[] {
  return text
    .split('\n')
    .flatMap((line, index) => (FIELD.test(line) || ASSIGNED.test(line) ? [`${name}:${index + 1}`] : []));
}

describe('what the objects of the emulator hold', () => {
  it('are no functions of their own, which V8 takes to be there to stay, with all that they refer to', () => {
    expect(sources().length).toBeGreaterThan(100);
    const found = sources().flatMap((name) => functionsInProperties(name, readFileSync(path.join(ROOT, name), 'utf8')));
    expect(found).toEqual([]);
  });

  it.each(MODEL)(
    'is private for the compiler only in %s, since a `#name` costs each access, and each object a brand',
    (folder) => {
      const found = sources().filter(
        (name) => name.startsWith(`${folder}/`) && PRIVATE_NAME.test(readFileSync(path.join(ROOT, name), 'utf8')),
      );
      expect(found).toEqual([]);
    },
  );

  it.each([
    'class A {\n  #first = 0;',
    'class A {\n  static readonly #most = 1;',
    'class A {\n  get #last(): number {',
    'class A {\n  *#widen(first: number) {',
    'return this.#first;',
  ])('finds a `#name` in %j', (text) => {
    expect(text).toMatch(PRIVATE_NAME);
  });

  it('is there from the beginning, since a field that comes later gives an object another hidden class', () => {
    const found = sources().flatMap((name) => fieldsWithoutValue(name, readFileSync(path.join(ROOT, name), 'utf8')));
    expect(found).toEqual([]);
  });

  it('is found where it is not there from the beginning', () => {
    const text = `class A {
      private recent: B | undefined;
      request!: C;
      #own: D | undefined;
      static last: E;
      private size = 0;
      readonly kind: F;
      constructor(kind: F) {
        this.kind = kind;
        if (this.recent === undefined) throw new Error();
      }
    }`;
    expect(fieldsWithoutValue('a.ts', text)).toEqual(['a.ts: recent', 'a.ts: request']);
  });

  it('is found', () => {
    const text = [
      'class A {',
      '  b = 1;',
      '  readonly #c = (page: number): void => {',
      '  d: Check = () => false;',
      '  private readonly h = (): void => {',
      '  e() {',
      '    this.f = function () {};',
      '    costs.onSpent = (spending) => events.spent(spending);',
      '    this.g = names.map((name) => name);',
    ];
    expect(functionsInProperties('a.ts', text.join('\n'))).toEqual(['a.ts:3', 'a.ts:4', 'a.ts:5', 'a.ts:7', 'a.ts:8']);
  });
});
