/** Serves the inspector's page to browsers of this machine, to those that know its address. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const HOST = '127.0.0.1';
const TOKEN_BYTES = 16;

/** What goes with every answer: nobody embeds the page, and it is not told of elsewhere. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

/** The page at a place below the address of the server, '' for itself; undefined where there is none. */
export type PageSource = (place: string) => string | undefined;

/** A running server; pages are all that it has. */
export class InspectorServer {
  readonly #server: Server;
  /** Where the page is. It ends in a random word, so that other programs and web sites cannot guess it. */
  readonly url: string;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  /** Listens on 127.0.0.1; port 0 takes a free one. Rejects with the system's error if the port is not available. */
  static start(page: string | PageSource, port: number): Promise<InspectorServer> {
    const pages: PageSource = typeof page === 'string' ? (place) => (place === '' ? page : undefined) : page;
    const path = `/${randomBytes(TOKEN_BYTES).toString('base64url')}/`;
    const server = createServer((request, response) => {
      try {
        answer(request, response, pages, path, (server.address() as AddressInfo).port);
      } catch {
        // Whatever a request says, it is answered, and the next one too.
        response.destroy();
      }
    });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, HOST, () => {
        server.off('error', reject);
        resolve(new InspectorServer(server, `http://${HOST}:${(server.address() as AddressInfo).port}${path}`));
      });
    });
  }

  /** Ends it, with all its connections. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  pages: PageSource,
  path: string,
  port: number,
): void {
  // Another name than this address comes from a web site that had its name point here.
  const { host } = request.headers;
  if (host !== `${HOST}:${port}` && host !== `localhost:${port}`) return end(response, 403, 'forbidden\n');
  if (request.method !== 'GET' && request.method !== 'HEAD') return end(response, 405, 'method not allowed\n');
  // As it is in the request: it is compared, not understood.
  const [asked = ''] = (request.url ?? '').split('?');
  if (!same(asked.slice(0, path.length), path)) return end(response, 404, 'not found\n');
  const page = pages(asked.slice(path.length));
  if (page === undefined) return end(response, 404, 'not found\n');
  const body = Buffer.from(page);
  response.writeHead(200, {
    ...HEADERS,
    'content-type': 'text/html; charset=utf-8',
    'content-length': body.length,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Whether two texts are equal, in a time that tells nothing of where they differ. */
function same(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}

function end(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { ...HEADERS, 'content-type': 'text/plain' });
  response.end(text);
}
