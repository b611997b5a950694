/** Which revision of the driver is modelled is known to emulator/revisions and to the table of profiles, and to nothing else. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { revisionNameComparisons } from './support/revision-names.ts';

const root = new URL('..', import.meta.url).pathname;

describe('the name of a kernel revision', () => {
  it('is compared nowhere but in emulator/revisions and the table of profiles', () => {
    const sources = ['lib', 'emulator']
      .flatMap((folder) =>
        readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`),
      )
      .filter((file) => /\.tsx?$/.test(file))
      .filter((file) => !/\.test\.tsx?$|\.d\.ts$/.test(file))
      .filter((file) => !file.startsWith('emulator/revisions/') && file !== 'lib/uapi/profile.ts');
    expect(sources.length).toBeGreaterThan(200);
    const found = sources.flatMap((file) =>
      revisionNameComparisons(file, readFileSync(`${root}/${file}`, 'utf8')).map((line) => `${file}:${line}`),
    );
    expect(found).toEqual([]);
  });

  it.each([
    "if (profile !== 'v4') refuse();",
    "if ('v8' === name) migrate();",
    'if (device.profile.name === other) refuse();',
    'if (context.revision.uapi.name !== wanted) refuse();',
    "switch (word) { case 'v7-xnack-off': stop(); }",
    'switch (this.profile.name) { default: stop(); }',
    "if (['v4', 'v7'].includes(profile.name)) keep();",
    "if (name.startsWith('v7')) keep();",
  ])('is found in %s', (source) => {
    expect(revisionNameComparisons('a.ts', source)).toEqual([1]);
  });

  it.each([
    "const options = { profile: 'v4' };",
    "if (mode === 'off') stop();",
    'report(profile.name);',
    'if (context.revision.clearsAttributesOnUnmap) clear();',
    'if (vma.name === other) merge();',
  ])('is not found in %s', (source) => {
    expect(revisionNameComparisons('a.ts', source)).toEqual([]);
  });
});
