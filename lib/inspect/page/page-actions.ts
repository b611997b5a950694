/** What views of the page hand on to the page as a whole. */
import type { AsicName } from '../../../emulator/index.ts';
import type { Theme } from './theme.ts';

/** Files and the theme, for the toolbar. */
export interface PageActions {
  readonly wish: Theme;
  readonly setTheme: (theme: Theme) => void;
  readonly openFile: (file: File) => void;
  /** Opens a second trace next to the first. */
  readonly compareWith: (file: File) => void;
  readonly begin: (asic: AsicName) => void;
  /** Leaves only the first of two. */
  readonly closeComparison: () => void;
}
