/** The inspector: traces are opened here, one to work with or two to compare. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { loadSession } from '../model/loading.ts';
import type { LoadedSession, LoadProgress, NamedTrace } from '../model/loading.ts';
import { Comparison } from './Comparison.tsx';
import { emptySession, readFile } from './files.ts';
import { Loading } from './Loading.tsx';
import { inSlices } from './slices.ts';
import type { PageActions } from './page-actions.ts';
import { useTheme } from './theme.ts';
import { Workbench } from './Workbench.tsx';

/** What is open: one session, or two. */
interface Opened {
  readonly sides: readonly [LoadedSession] | readonly [LoadedSession, LoadedSession];
  /** Another one for each time that something is opened, or that the address has changed. */
  readonly number: number;
  /** The fragment of the address that it opens with. */
  readonly fragment: string;
}

interface Going extends LoadProgress {
  readonly name: string;
}

function emptyOne(asic?: Parameters<PageActions['begin']>[0]): LoadedSession {
  return { name: 'new session', session: emptySession(asic), start: 0 };
}

export function App({ start }: { start: () => readonly NamedTrace[] }): JSX.Element {
  const [opened, setOpened] = useState<Opened>();
  const [going, setGoing] = useState<Going>();
  const [problem, setProblem] = useState('');
  const [wish, theme, setTheme] = useTheme();
  // Of what is loaded now: what was asked for later ends it.
  const latest = useRef(0);

  const show = (sides: Opened['sides'], fragment = ''): void =>
    setOpened((old) => ({ sides, number: (old?.number ?? 0) + 1, fragment }));

  /** Loads what `traces` gives, and shows it next to the sessions of `after`. */
  const load = async (
    traces: () => Promise<readonly NamedTrace[]>,
    { after = [], fragment = '' }: { after?: readonly LoadedSession[]; fragment?: string } = {},
  ): Promise<void> => {
    const number = ++latest.current;
    const isWanted = (): boolean => latest.current === number;
    try {
      const sides = [...after];
      for (const trace of await traces()) {
        const session = await inSlices(
          loadSession(trace),
          (progress) => setGoing({ name: trace.name, ...progress }),
          isWanted,
        );
        if (session === undefined) return;
        sides.push(session);
      }
      if (!isWanted()) return;
      setProblem('');
      const [one = emptyOne(), other] = sides;
      show(other === undefined ? [one] : [one, other], fragment);
    } catch (error) {
      if (!isWanted()) return;
      setProblem((error as Error).message);
      setOpened((old) => old ?? { sides: [emptyOne()], number: 1, fragment: '' });
    }
    setGoing(undefined);
  };

  useEffect(() => {
    // The embedded text is read when something is on the screen already.
    const timer = setTimeout(() => void load(() => Promise.resolve(start()), { fragment: location.hash }));
    return () => clearTimeout(timer);
  }, []);
  useEffect(() => {
    // Somebody has written another address: the same sessions, looked at as it says.
    const onHash = (): void => setOpened((old) => old && { ...old, number: old.number + 1, fragment: location.hash });
    window.addEventListener('hashchange', onHash);
    return () => window.removeEventListener('hashchange', onHash);
  }, []);

  const openFile = (file: File): void => void load(async () => [await readFile(file)]);
  const actions: PageActions = {
    wish,
    setTheme,
    openFile,
    compareWith: (file) => void load(async () => [await readFile(file)], { after: opened?.sides.slice(0, 1) ?? [] }),
    begin: (asic) => {
      latest.current++;
      setGoing(undefined);
      setProblem('');
      show([emptyOne(asic)]);
    },
    closeComparison: () => opened !== undefined && show([opened.sides[0]]),
  };

  return (
    <div
      class="app"
      onDragOver={(drag) => drag.preventDefault()}
      onDrop={(drop) => {
        drop.preventDefault();
        const [file] = drop.dataTransfer?.files ?? [];
        if (file === undefined) setProblem('what was dropped is no file: drop a trace, plain or gzip');
        else openFile(file);
      }}
    >
      {(going !== undefined || opened === undefined) && (
        <Loading {...(going ?? { name: '', done: 0, lines: 0 })} isAlone={opened === undefined} />
      )}
      {problem !== '' && (
        <p role="alert" class="problem">
          {problem}{' '}
          <button type="button" onClick={() => setProblem('')}>
            dismiss
          </button>
        </p>
      )}
      {opened !== undefined &&
        (opened.sides.length === 1 ? (
          <Workbench
            key={opened.number}
            opened={opened.sides[0]}
            fragment={opened.fragment}
            theme={theme}
            page={actions}
          />
        ) : (
          <Comparison
            key={opened.number}
            sides={opened.sides}
            fragment={opened.fragment}
            theme={theme}
            page={actions}
          />
        ))}
    </div>
  );
}
