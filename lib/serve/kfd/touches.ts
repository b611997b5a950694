/** How a session hears that its client has touched a dropped doorbell: from the helper itself, past the server's main thread. */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

/** All that `sun_path` has room for after the zero of an abstract name: shorter ones are padded by some versions of libuv. */
const NAME_BYTES = 107;
const PREFIX = 'amdgpu-svm-';

/** Name of the abstract socket of one server, which nobody can guess and take before it. */
export function touchSocketName(): string {
  return PREFIX + randomBytes((NAME_BYTES - PREFIX.length) / 2).toString('hex');
}

/** The number by which the helper knows the session; 0 is nobody's. */
export function listenerOf(session: number): number {
  return session + 1;
}

/** Calls `touched` from now on, until what it returns is called. `complain`: nothing will be heard. */
export function hearTouches(
  name: string,
  session: number,
  touched: () => void,
  complain: (line: string) => void,
): () => void {
  const callback = (): boolean => {
    touched();
    return true;
  };
  // Straight from the socket, without a stream of chunks: the wake-up is what takes time.
  const socket = connect({ path: `\0${name}`, onread: { buffer: Buffer.alloc(64), callback } });
  const number = Buffer.alloc(4);
  number.writeUInt32LE(listenerOf(session));
  socket.write(number);
  let isConnected = false;
  socket.once('connect', () => (isConnected = true));
  // The end of the helper is what the server tells.
  socket.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (!isConnected) complain(`touched doorbells are seen late: ${code}`);
  });
  socket.unref();
  return () => socket.destroy();
}
