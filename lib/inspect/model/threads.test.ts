import { expect, it } from 'vitest';
import { parseTrace } from '../../trace/format/parse-trace.ts';
import { InspectorSession } from './session.ts';
import { threadRows } from './threads.ts';

function rowsOf(...lines: readonly object[]): readonly string[] | undefined {
  const session = new InspectorSession(parseTrace('test', lines.map((line) => JSON.stringify(line)).join('\n')));
  return threadRows(session.steps.at(-1)!)?.map(
    ({ column, text, isHead }) => `${column}${isHead ? ': ' : '  '}${text}`,
  );
}

const place = { addr: '0x40000000', len: '0x10000' };
const setUp = [{ config: {} }, { mmap: { ...place, prot: 'rw', kind: 'anon' } }];

it('shows what another thread did during the operation that it came in at', () => {
  const fault = { addr: '0x40000000', write: true };
  const rows = rowsOf(...setUp, { fault: { ...fault, inject: [{ at: 'pte-committed', do: { dontneed: place } }] } })!;
  expect(rows[0]).toMatch(/^own: fault /);
  const other = rows.filter((row) => row.startsWith('other'));
  expect(other[0]).toMatch(/^other: at pte-committed: dontneed /);
  expect(other.length).toBeGreaterThan(1);
  expect(rows.indexOf(other[0]!)).toBeGreaterThan(1);
});

it('says of whom it did not let in', () => {
  const inject = [
    { at: 'pages-got', do: { gc: {} } },
    { at: 'copy', do: { gc: {} } },
  ];
  const rows = rowsOf(...setUp, { fault: { addr: '0x40000000', write: true, inject } })!;
  expect(rows.slice(-2)).toEqual(['other: gc: would have to wait at pages-got', 'other: gc: copy was not passed']);
});

it('is nothing for an operation alone', () => {
  expect(rowsOf(...setUp)).toBeUndefined();
});
