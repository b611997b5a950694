import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InspectorServer } from './server.ts';

let server: InspectorServer;
let port: number;
let path: string;
beforeAll(async () => {
  server = await InspectorServer.start('<p>page</p>', 0);
  const url = new URL(server.url);
  port = Number(url.port);
  path = url.pathname;
});
afterAll(() => server.close());

/** Sends bytes as they are, and resolves with the status line, '' for none. */
function send(head: string): Promise<string> {
  return new Promise((settle) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.end(head));
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => settle(text.split('\r\n')[0]!));
  });
}
const get = (target: string, host = `127.0.0.1:${port}`): Promise<string> =>
  send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);

describe("the inspector's server", () => {
  it('answers every request and goes on', async () => {
    for (const target of [
      '//',
      '///',
      '/',
      '/index.html',
      '/\\',
      '*',
      'http://',
      'http://[/',
      '//[',
      '/%',
      '/%00',
      '/..',
      'x',
      '?',
      '/#',
      `${path}x`,
      path.slice(0, -1),
      `/${'x'.repeat(8000)}`,
      `//127.0.0.1${path}`,
    ])
      expect(await get(target), target).toMatch(/^HTTP\/1\.1 40[04] /);
    expect(await get('//')).toBe('HTTP/1.1 404 Not Found');
    for (const garbage of [
      '\r\n\r\n',
      'GET\r\n\r\n',
      '\u0000\u0001',
      'GET / HTTP/9.9\r\n\r\n',
      `GET /${'y'.repeat(1 << 17)} HTTP/1.1\r\n\r\n`,
    ])
      expect(await send(garbage)).toMatch(/^(HTTP\/1\.1 4\d\d .*)?$/);
    expect(
      await send(`POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`),
    ).toBe('HTTP/1.1 405 Method Not Allowed');
    expect(await get(path)).toBe('HTTP/1.1 200 OK');
    expect(await get(`${path}?x`)).toBe('HTTP/1.1 200 OK');
  });

  it('answers its own name only', async () => {
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1',
      `127.0.0.1:${port + 1}`,
      `127.0.0.1.evil:${port}`,
      `[::1]:${port}`,
      '',
    ])
      expect(await get(path, host), host).toBe('HTTP/1.1 403 Forbidden');
    expect(await get(path, `localhost:${port}`)).toBe('HTTP/1.1 200 OK');
  });

  it('has another address each time, and says that nobody may embed or keep the page', async () => {
    expect(path).toMatch(/^\/[\w-]{22}\/$/);
    const other = await InspectorServer.start('', 0);
    expect(new URL(other.url).pathname).not.toBe(path);
    await other.close();
    const response = await fetch(server.url);
    expect(await response.text()).toBe('<p>page</p>');
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-security-policy': "frame-ancestors 'none'",
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
  });
});
