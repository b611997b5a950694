/** What the option `backend` may be: apart from the backends, so that a help text needs none of them. */

/** Values of the option `backend`. */
export const BACKENDS = ['auto', 'kernel', 'ffi', 'emulated'] as const;
/** What answers, or `auto`: the first that can. */
export type BackendName = (typeof BACKENDS)[number];
