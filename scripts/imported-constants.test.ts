import { expect, it } from 'vitest';
import { withImportedConstants } from './imported-constants.mjs';

it.each([
  ['import { a } from "./a.ts";', 'import { a as imported_a } from "./a.ts"; const a = imported_a;'],
  [
    'import { a, b as c } from "../a.ts";',
    'import { a as imported_a, b as imported_c } from "../a.ts"; const a = imported_a, c = imported_c;',
  ],
  [
    '// first\nimport { a } from "./a.ts";\nimport { b } from "./b.ts";\na(b);\n',
    '// first\nimport { a as imported_a } from "./a.ts"; const a = imported_a;\nimport { b as imported_b } from "./b.ts"; const b = imported_b;\na(b);\n',
  ],
])('makes constants of %j, on the same line', (code, expected) => {
  expect(withImportedConstants(code)).toBe(expected);
});

it.each([
  'import * as all from "./a.ts";',
  'import { expect } from "vitest";',
  'import fs from "node:fs";',
  'export { a } from "./a.ts";',
  'import "./a.ts";',
])('leaves %j as it is', (code) => {
  expect(withImportedConstants(code)).toBe(code);
});
