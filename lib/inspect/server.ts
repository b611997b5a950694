/** Serves the inspector's page to browsers of this machine. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const HOST = '127.0.0.1';

/** A running server; the page is all that it has. */
export class InspectorServer {
  readonly #server: Server;
  /** Where the page is. */
  readonly url: string;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  /** Listens on 127.0.0.1; port 0 takes a free one. Rejects with the system's error if the port can't be had. */
  static start(page: string, port: number): Promise<InspectorServer> {
    const body = Buffer.from(page);
    const server = createServer((request, response) => answer(request, response, body, server));
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, HOST, () => {
        server.off('error', reject);
        resolve(new InspectorServer(server, `http://${HOST}:${(server.address() as AddressInfo).port}/`));
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

function answer(request: IncomingMessage, response: ServerResponse, body: Buffer, server: Server): void {
  // Another name than this address comes from a web site that had its name point here.
  const host = request.headers.host?.replace(/:\d+$/, '');
  if (host !== HOST && host !== 'localhost') return end(response, 403, 'forbidden\n');
  if (request.method !== 'GET' && request.method !== 'HEAD') return end(response, 405, 'method not allowed\n');
  const path = new URL(request.url ?? '/', `http://${HOST}:${(server.address() as AddressInfo).port}`).pathname;
  if (path !== '/' && path !== '/index.html') return end(response, 404, 'not found\n');
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'content-length': body.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function end(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' });
  response.end(text);
}
