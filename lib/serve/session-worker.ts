/** The thread of a session: what it works on delays nobody else. */
import { parentPort, workerData } from 'node:worker_threads';
import { Session } from './session.ts';
import type { SessionAnswer, SessionData, SessionRequest } from './session-protocol.ts';

const { machine, log, kfd, session: number } = workerData as SessionData;
const port = parentPort!;
const say = (answer: SessionAnswer): void => port.postMessage(answer);
const session = new Session({
  machine,
  complain: (line) => say({ kind: 'complaint', line }),
  ...(kfd === undefined
    ? {}
    : { kfd: { ...kfd, session: number, tellHelper: (frame: Uint8Array) => say({ kind: 'helper', frame }) } }),
  ...(log ? { log: (line: string) => say({ kind: 'log', line }) } : {}),
});

let told = 0;
/** Before the answer, so that whoever has the answer finds the state. */
function tellState(): void {
  if (told === session.changes) return;
  told = session.changes;
  say({ kind: 'state', state: session.state() });
}

port.on('message', (request: SessionRequest) => {
  switch (request.kind) {
    case 'open': {
      const { frame, opened } = session.open(request);
      tellState();
      say({ kind: 'frame', id: request.id, frame, opened });
      break;
    }
    case 'ioctl': {
      const { id } = request;
      const answer = (frame: Uint8Array): void => {
        tellState();
        say({ kind: 'frame', id, frame });
      };
      const result = session.ioctl(request);
      if (result instanceof Promise) void result.then(answer);
      else answer(result);
      break;
    }
    case 'interrupted':
      session.interrupt(request.id);
      break;
    case 'release':
      session.release(request.file);
      tellState();
      say({ kind: 'released', file: request.file });
      break;
    case 'play':
      void play(request.id, request.file, request.request);
      break;
  }
});
say({ kind: 'ready' });

async function play(
  id: number,
  file: number,
  request: Extract<SessionRequest, { kind: 'play' }>['request'],
): Promise<void> {
  try {
    const value = await session.play(file, request);
    tellState();
    say({ kind: 'played', id, value });
  } catch (error) {
    const code: unknown = (error as { code?: unknown }).code;
    tellState();
    say({
      kind: 'failed',
      id,
      code: typeof code === 'string' ? code : undefined,
      message: error instanceof Error ? error.message : String(error),
    });
  }
}
