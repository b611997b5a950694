import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { describeWhere } from '../../../test/support/served-node.ts';
import { hearTouches, listenerOf, touchSocketName } from './touches.ts';

it('takes a name that fills the address of a socket, and another one each time', () => {
  const names = [touchSocketName(), touchSocketName()];
  expect(names.map((name) => Buffer.byteLength(name))).toEqual([107, 107]);
  expect(names[0]).not.toBe(names[1]);
});

describeWhere(process.platform === 'linux' ? '' : 'abstract sockets are of Linux', 'a session', () => {
  it('says its number, and hears until it is told not to', async () => {
    const name = touchSocketName();
    const helper = createServer().listen(`\0${name}`);
    onTestFinished(() => void helper.close());
    await once(helper, 'listening');
    let heard: () => void = () => undefined;
    const touched = new Promise<void>((settle) => (heard = settle));
    const lines: string[] = [];
    const stop = hearTouches(name, 6, heard, (line) => lines.push(line));
    const [socket] = (await once(helper, 'connection')) as [Socket];
    const [hello] = (await once(socket, 'data')) as [Buffer];
    expect([...hello]).toEqual([listenerOf(6), 0, 0, 0]);
    socket.write(Uint8Array.of(1));
    await touched;
    stop();
    await once(socket, 'close');
    expect(lines).toEqual([]);
  });

  it('complains where nobody listens', async () => {
    const line = new Promise<string>((settle) => {
      hearTouches(touchSocketName(), 1, () => undefined, settle);
    });
    expect(await line).toBe('touched doorbells are seen late: ECONNREFUSED');
  });
});
