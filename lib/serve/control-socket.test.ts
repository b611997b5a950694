import { existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { spawnSync } from 'node:child_process';
import { askControl, openControlSocket } from './control-socket.ts';
import { temporaryFolder } from '../../test/support/after-file.ts';

const folder = temporaryFolder();
const echo = (request: unknown): Promise<unknown> => Promise.resolve(request);

describe('the control socket', () => {
  it('replaces the socket of a server that was killed', async () => {
    const path = join(folder, 'stale');
    const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script, path]);
    expect(lstatSync(path).isSocket()).toBe(true);
    const server = await openControlSocket(path, echo);
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    expect(await askControl(path, { command: 'x', at: 5n })).toEqual({ ok: true, value: { command: 'x', at: '0x5' } });
    await new Promise((settle) => server.close(settle));
  });

  it('replaces nothing else', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, 'work of years');
    const link = join(folder, 'link');
    symlinkSync(file, link);
    const dangling = join(folder, 'dangling');
    symlinkSync(join(folder, 'nowhere'), dangling);
    const directory = join(folder, 'directory');
    mkdirSync(directory);
    for (const path of [file, link, dangling, directory]) {
      await expect(openControlSocket(path, echo)).rejects.toThrow(`${path} is there and is no socket`);
      expect(lstatSync(path).isSocket()).toBe(false);
    }
    expect(readFileSync(file, 'utf8')).toBe('work of years');
    const busy = join(folder, 'busy');
    const other = createServer((socket) => socket.on('error', () => undefined).end('mine'));
    await new Promise<void>((settle) => void other.listen(busy, settle));
    await expect(openControlSocket(busy, echo)).rejects.toThrow('somebody serves there');
    expect(existsSync(busy)).toBe(true);
    await new Promise((settle) => other.close(settle));
  });

  it('answers requests that make no sense, and goes on', async () => {
    const path = join(folder, 'garbage');
    const server = await openControlSocket(path, (request) => {
      if (request.command === 'huge')
        return Promise.resolve({
          toJSON: () => {
            throw new RangeError('Invalid string length');
          },
        });
      return Promise.resolve(request.command);
    });
    const send = (text: string): Promise<string> =>
      new Promise((settle) => {
        let reply = '';
        const socket = connect(path, () => socket.write(text));
        socket.on('data', (chunk) => (reply += chunk.toString()));
        socket.on('error', () => undefined);
        socket.on('close', () => settle(reply));
      });
    for (const line of ['', 'null', '{', '[]', '7', `${'['.repeat(100_000)}`])
      expect(JSON.parse(await send(`${line}\n`))).toMatchObject(
        ['[]', '7'].includes(line) ? { ok: true } : { ok: false },
      );
    expect(await send('x'.repeat(5 << 20))).toBe('');
    await expect(askControl(path, { command: 'huge' })).resolves.toMatchObject({
      ok: false,
      message: 'Invalid string length',
    });
    await expect(askControl(path, { command: 'still' })).resolves.toEqual({ ok: true, value: 'still' });
    await new Promise((settle) => server.close(settle));
  });
});
