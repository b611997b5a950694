/** docs/checks.md names tests and scripts that exist. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { filesBelow, root } from './support/package-support.ts';

const page = fs.readFileSync(path.join(root, 'docs/checks.md'), 'utf8');
const commands = [...page.matchAll(/^\| [^|]+ \| `([^`]+)` \|$/gm)].map(([, command]) => command!);

function testsOf(target: string): string[] {
  const place = path.join(root, target);
  if (!fs.existsSync(place)) return [];
  if (fs.statSync(place).isFile()) return [place];
  return filesBelow(place)
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => path.join(place, file));
}

/** Why the command shows nothing, or ''. */
function problem(command: string): string {
  const [, target, name] = /^npm test -- (\S+)(?: -t '([^']+)')?$/.exec(command) ?? [];
  if (target !== undefined) {
    const found = testsOf(target).some((file) => name === undefined || fs.readFileSync(file, 'utf8').includes(name));
    return found ? '' : `${command}: no such test`;
  }
  const [, script] = /^node (scripts\/\S+)/.exec(command) ?? [];
  if (script !== undefined) return fs.existsSync(path.join(root, script)) ? '' : `${command}: no such script`;
  const [, task] = /^npm run (\S+)$/.exec(command) ?? [];
  const { scripts } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  return task !== undefined && task in scripts ? '' : `${command}: what is that?`;
}

it('names tests and scripts that exist', () => {
  expect(commands.length).toBeGreaterThan(70);
  expect(commands.map(problem).filter((text) => text !== '')).toEqual([]);
});

it('has a command in each row', () => {
  const rows = page.split('\n').filter((line) => line.startsWith('| ') && !/^\| (promise|---)/.test(line));
  expect(rows).toHaveLength(commands.length);
});
