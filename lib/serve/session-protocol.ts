/** What the thread of a session and the server say to each other. */
import type { MachineOptions } from '../../emulator/index.ts';
import type { ControlRequest } from './control-socket.ts';
import type { HelperIoctl, HelperOpen } from './helper-protocol.ts';
import type { SessionState } from './session.ts';

/** Given to a thread at its start. */
export interface SessionData {
  readonly machine: MachineOptions;
  /** Whether lines of the log are wanted. */
  readonly log: boolean;
  /** The served directory, and the helper's socket for touched doorbells, where KFD is served. */
  readonly kfd: { readonly mount: string; readonly touches: string } | undefined;
  /** Number among the sessions that are there. */
  readonly session: number;
}

/** The server to a session. */
export type SessionRequest =
  | HelperOpen
  | HelperIoctl
  | { readonly kind: 'release'; readonly file: number }
  /** The thread that waits for the answer to that ioctl got a signal. */
  | { readonly kind: 'interrupted'; readonly id: number }
  | { readonly kind: 'play'; readonly id: number; readonly file: number; readonly request: ControlRequest };

/** A session to the server. */
export type SessionAnswer =
  /** It is there. */
  | { readonly kind: 'ready' }
  /** The answer to an open or an ioctl, as it goes to the helper; `id` is that of the request. */
  | { readonly kind: 'frame'; readonly id: number; readonly frame: Uint8Array; readonly opened?: boolean }
  /** What the helper must know before the next answer. */
  | { readonly kind: 'helper'; readonly frame: Uint8Array }
  | { readonly kind: 'released'; readonly file: number }
  | { readonly kind: 'played'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly code: string | undefined; readonly message: string }
  | { readonly kind: 'log' | 'complaint'; readonly line: string }
  | { readonly kind: 'state'; readonly state: SessionState };
