/** How much of a trace is read. */

/** Bytes of an unpacked trace that are read unless more are allowed. The longest of the recordings has 4 MB. */
export const DEFAULT_MAX_SIZE = 2 ** 28;
