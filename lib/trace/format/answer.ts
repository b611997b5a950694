/** Parts of answers that all operations share (spec/trace-format §5). */

/** One entry of `fx`. */
export type TraceEffect = readonly (string | number)[];
