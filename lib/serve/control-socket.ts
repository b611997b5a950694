/** The socket next to the mounted directory: one request a connection, as a line of JSON. Bigints are "0x..." strings. */
import { lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { ServeError } from './mount-point.ts';

/** A request by its command and further fields. */
export type ControlRequest = { readonly command: string } & Readonly<Record<string, unknown>>;
/** What came of it. */
export type ControlReply =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** The kernel's limit for the path of a socket. */
const LONGEST_SOCKET_PATH = 107;
/** Characters of a request: data to write are twice as many as their bytes. */
const LONGEST_REQUEST = 1 << 22;

/** Path of the control socket of a directory. */
export function controlPath(mount: string): string {
  return `${mount}.gpu`;
}

/** Listens; `handle` gets each request, what it throws becomes the reply. */
export async function openControlSocket(
  path: string,
  handle: (request: ControlRequest) => Promise<unknown>,
): Promise<Server> {
  if (Buffer.byteLength(path) > LONGEST_SOCKET_PATH) {
    throw new ServeError(
      'ERR_SVM_CONTROL',
      `${path} is too long for a socket (${LONGEST_SOCKET_PATH} bytes); choose a shorter directory`,
    );
  }
  await removeStaleSocket(path);
  const server = createServer((socket) => serveConnection(socket, handle));
  // Whoever may connect can write to the memory of every client, so nobody else may at any time.
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((settle, reject) => {
      server.once('error', (error) => reject(new ServeError('ERR_SVM_CONTROL', `${path}: ${error.message}`)));
      // Bound when it returns, so the mask holds for nothing else.
      server.listen(path, settle);
    });
  } finally {
    process.umask(mask);
  }
  return server;
}

/** Takes away the socket of a server that was killed, and nothing else: ServeError for whatever else is there. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket())
    throw new ServeError('ERR_SVM_CONTROL', `${path} is there and is no socket; move it, or choose another directory`);
  if (await answers(path))
    throw new ServeError('ERR_SVM_CONTROL', `${path}: somebody serves there; choose another directory`);
  unlinkSync(path);
}

/** Whether somebody listens at a socket. Throws ServeError where only its owner could say. */
function answers(path: string): Promise<boolean> {
  return new Promise((settle, reject) => {
    const socket = connect(path, () => {
      socket.destroy();
      settle(true);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') settle(false);
      else reject(new ServeError('ERR_SVM_CONTROL', `${path}: ${error.message}`));
    });
  });
}

function serveConnection(socket: Socket, handle: (request: ControlRequest) => Promise<unknown>): void {
  let text = '';
  socket.setEncoding('utf8');
  // Somebody who goes away before the reply is no trouble.
  socket.on('error', () => undefined);
  socket.on('data', (chunk: string) => {
    text += chunk;
    const end = text.indexOf('\n');
    if (end < 0) {
      if (text.length > LONGEST_REQUEST) socket.destroy();
      return;
    }
    const line = text.slice(0, end);
    text = '';
    void replyTo(line, handle).then((reply) => socket.end(`${reply}\n`));
  });
}

/** The reply as JSON; what is thrown on the way, also by a value too large for a text, becomes the reply. */
async function replyTo(line: string, handle: (request: ControlRequest) => Promise<unknown>): Promise<string> {
  try {
    return toJson({ ok: true, value: await handle(JSON.parse(line) as ControlRequest) });
  } catch (error) {
    const code: unknown = (error as { code?: unknown }).code;
    return toJson({
      ok: false,
      code: typeof code === 'string' ? code : 'ERR_SVM_CONTROL',
      message: error instanceof Error ? error.message : String(error),
    });
  }
}

/** Asks the server of a mounted directory; throws `ServeError` when there is none. */
export function askControl(path: string, request: ControlRequest): Promise<ControlReply> {
  return new Promise((settle, reject) => {
    const socket = connect(path);
    let text = '';
    socket.setEncoding('utf8');
    socket.on('connect', () => socket.write(`${toJson(request)}\n`));
    socket.on('data', (chunk: string) => (text += chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EACCES' ? 'only the user who serves may play the GPU' : 'nobody serves there';
      reject(new ServeError('ERR_SVM_CONTROL', `${why} (${error.message})`));
    });
    socket.on('end', () => {
      try {
        settle(JSON.parse(text) as ControlReply);
      } catch {
        reject(new ServeError('ERR_SVM_CONTROL', 'the server has gone'));
      }
    });
  });
}

function toJson(value: ControlReply | ControlRequest): string {
  return JSON.stringify(value, (_key, each: unknown) => (typeof each === 'bigint' ? `0x${each.toString(16)}` : each));
}
