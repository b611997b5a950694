/** What is seen while a trace is read. */
import type { JSX } from 'preact';
import type { LoadProgress } from '../model/loading.ts';

interface LoadingProps extends LoadProgress {
  /** Empty before anything is known. */
  readonly name: string;
  /** Whether nothing else is on the page. */
  readonly isAlone: boolean;
}

export function Loading({ name, done, lines, isAlone }: LoadingProps): JSX.Element {
  return (
    <div class={`loading${isAlone ? ' alone' : ''}`}>
      {isAlone && <h1>amdgpu-svm inspect</h1>}
      <label>
        <span>{name === '' ? 'Starting' : `Running ${name}`}</span>
        <progress max={Math.max(1, lines)} value={done} />
      </label>
      <span class="note">
        {lines === 0 ? '' : `${done.toLocaleString('en')} of ${lines.toLocaleString('en')} lines`}
      </span>
    </div>
  );
}
