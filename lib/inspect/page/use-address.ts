/** Keeps the fragment of the page's address as what is looked at. */
import { useEffect, useRef } from 'preact/hooks';

/** Milliseconds: browsers refuse an address that changes with every frame. */
const DELAY = 250;

/** `fragment` is asked for after each rendering; what is returned asks for it at another time. */
export function useAddress(fragment: () => string): () => void {
  const latest = useRef(fragment);
  latest.current = fragment;
  const timer = useRef(0);
  const write = (): void => {
    timer.current = 0;
    const wanted = `#${latest.current()}`;
    if (location.hash !== wanted) history.replaceState(null, '', wanted);
  };
  const later = (): void => {
    if (timer.current === 0) timer.current = window.setTimeout(write, DELAY);
  };
  useEffect(later);
  useEffect(() => () => clearTimeout(timer.current), []);
  return later;
}
