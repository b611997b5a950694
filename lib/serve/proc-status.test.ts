import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseStatus, procField } from './proc-status.ts';

const status = (name: string): string =>
  `Name:\t${name}\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t41\nNgid:\t0\nPid:\t42\nUid:\t1000\t1001\t1002\t1003\nGid:\t7\t8\t9\t10\n`;

describe('the status of a thread', () => {
  it('is what the kernel says, whatever the name says', () => {
    for (const end of ['\r', '\u2028', '\u2029', '\v', '\f', '\u0085', '\\n', '\\\\']) {
      for (const name of [`${end}Tgid:\t1`, `${end}Tgid:1`, `x${end}Uid:\t0\t0\t0\t0`, `Tgid:\t1${end}`, end]) {
        expect(parseStatus(status(name))).toEqual({
          pid: 41,
          name: name.replace(/^[\t ]+/, ''),
          users: [1000, 1001, 1002, 1003],
          groups: [7, 8, 9, 10],
        });
      }
    }
  });

  it('is found by whole keys', () => {
    expect(procField('XName:\ta\nName2:\tb\nName:\tc\n', 'Name')).toBe('c');
    expect(procField('XName:\ta', 'Name')).toBeUndefined();
  });

  it('is refused where it is none', () => {
    for (const text of ['', 'Name:\tx\n', status('x').replace('1000', 'x'), status('x').replace('\t41', '\t41\t42')])
      expect(() => parseStatus(text)).toThrow(/of a process/);
  });

  it('is read of this process', () => {
    expect(parseStatus(readFileSync('/proc/self/status', 'utf8'))).toMatchObject({
      pid: process.pid,
      users: [process.getuid!(), process.geteuid!(), expect.any(Number), expect.any(Number)],
    });
  });
});
