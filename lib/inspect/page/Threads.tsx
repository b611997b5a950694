/** What the threads of one operation did, side by side. */
import type { JSX } from 'preact';
import type { ThreadRow } from '../model/threads.ts';

/** Time goes down; each row is in the column of its thread. */
export function Threads({ rows }: { rows: readonly ThreadRow[] }): JSX.Element {
  return (
    <>
      <h3>Threads</h3>
      <table class="threads">
        <thead>
          <tr>
            <th scope="col">this thread</th>
            <th scope="col">another thread</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ column, text, isHead }, at) => (
            <tr key={at} class={isHead ? 'head' : undefined}>
              <td>{column === 'own' ? text : ''}</td>
              <td>{column === 'other' ? text : ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
