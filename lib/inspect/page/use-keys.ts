/** Keys that work wherever the focus is, but for fields that are written in. */
import { useLayoutEffect } from 'preact/hooks';

/** `actions` by the key's value, as the event has it. */
export function useKeys(actions: Readonly<Record<string, () => void>>): void {
  // With the layout, not after the next frame: a second key press may come before that.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const { target } = event;
      if (
        event.ctrlKey ||
        event.altKey ||
        event.metaKey ||
        (target instanceof HTMLElement && target.closest('input, select, textarea, dialog') !== null)
      )
        return;
      const action = actions[event.key];
      if (action === undefined) return;
      // What the key writes is not meant for a field that the action goes to.
      event.preventDefault();
      action();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  });
}
