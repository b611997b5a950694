/** Entries of the catalogue of quirks that a text names. */
import { QUIRK_CATALOGUE } from '../../../emulator/index.ts';
import type { CataloguedQuirk } from '../../../emulator/index.ts';

/** An entry with its id, like 'Q35'. */
export interface NamedQuirk extends CataloguedQuirk {
  readonly id: string;
}

/** The entries that `text` mentions, each once. */
export function quirksIn(text: string): NamedQuirk[] {
  const ids = new Set(text.match(/\bQ\d\d\b/g));
  return [...ids].flatMap((id) => {
    const entry = QUIRK_CATALOGUE[id];
    return entry === undefined ? [] : [{ id, ...entry }];
  });
}
