// Models: a second thread that waits for the svm lock (spec/trace-format §8).

/** Result of a resumable operation that waits for the svm lock; no errno has this value. */
export const SLEEPING = 1;
