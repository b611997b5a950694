import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { afterFile, cleanUpFile, temporaryFolder } from './after-file.ts';

describe('what goes after a file of tests', () => {
  it('goes also where a test has asked for it, the last first', async () => {
    const order: string[] = [];
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'file'), '');
    afterFile(() => {
      order.push(existsSync(folder) ? 'the folder is there' : 'the folder is gone');
    });
    afterFile(async () => {
      await Promise.resolve();
      order.push('last');
    });
    await cleanUpFile();
    expect(order).toEqual(['last', 'the folder is there']);
    expect(existsSync(folder)).toBe(false);
  });

  it('goes when something before it throws, which is told', async () => {
    const folder = temporaryFolder();
    afterFile(() => {
      throw new Error('first');
    });
    await expect(cleanUpFile()).rejects.toThrow('first');
    expect(existsSync(folder)).toBe(false);
    for (const text of ['one', 'two'])
      afterFile(() => {
        throw new Error(text);
      });
    await expect(cleanUpFile()).rejects.toThrow(/two\n.*one/);
  });

  // Loaded once for all files of a process, a module would have its hook run after the first of them only.
  it('is never left to a hook in a module that files share', () => {
    const here = import.meta.dirname;
    const hooks = readdirSync(here)
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'each-file.ts')
      .filter((name) => /^(after|before)(All|Each)\(/m.test(readFileSync(join(here, name), 'utf8')));
    expect(hooks).toEqual([]);
  });
});
