/** `amdgpu-svm serve`: the mount and its end, what the log says, what it sees of its clients, and the GPU that a person plays. */
import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { KernelMemory } from '../lib/backend/kernel-memory.ts';
import { KernelNode } from '../lib/backend/kernel-node.ts';
import { SvmDevice } from '../lib/device/svm-device.ts';
import { runHere } from './support/cli-here.ts';
import { svmCall } from './support/node-contract.ts';
import { root, run } from './support/package-support.ts';
import {
  cli,
  describeWhere,
  eventually,
  mountEntry,
  newMountPoint,
  ServedNode,
  spawnChild,
  whyNotServed,
} from './support/served-node.ts';

const unserved = whyNotServed();
const player = path.join(root, 'native', 'test', 'clients', 'svm_walk.py');
const MIB = 1 << 20;

describeWhere(unserved, 'the mount', () => {
  let served: ServedNode | undefined;
  afterEach(async () => {
    if (served === undefined) return;
    await served.stop('SIGKILL');
    await eventually(() => mountEntry(served!.mount) === '');
    served = undefined;
  });

  it('has as many nodes as there are GPUs, open to everybody, and nothing else', async () => {
    served = await ServedNode.start(['--gpus', '3']);
    expect(fs.readdirSync(served.mount)).toEqual(['renderD128', 'renderD129', 'renderD130']);
    expect(fs.statSync(served.node(2)).mode & 0o777).toBe(0o666);
    expect(() => fs.openSync(served!.node(3), 'r+')).toThrow(/ENOENT/);
    expect(() => fs.readFileSync(served!.node(0))).toThrow(/EINVAL/);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('is gone after %s, with a client still there', async (signal) => {
    served = await ServedNode.start();
    const file = fs.openSync(served.node(), 'r+');
    expect(mountEntry(served.mount)).toContain('amdgpu-svm');
    served.child.kill(signal);
    expect(await served.ended).toEqual({ code: 0, signal: null });
    expect(mountEntry(served.mount)).toBe('');
    expect(fs.existsSync(`${served.mount}.gpu`)).toBe(false);
    expect(() => fs.readSync(file, new Uint8Array(1))).toThrow(/ENOTCONN/);
    // close(2) tells the file system, which is not there; the descriptor is free all the same.
    expect(() => fs.closeSync(file)).toThrow(/ENOTCONN/);
  });

  it('is gone when the server was killed', async () => {
    served = await ServedNode.start();
    const { mount } = served;
    served.child.kill('SIGKILL');
    await served.ended;
    await eventually(() => mountEntry(mount) === '');
  });

  it('is gone when the helper was killed, and the server says so', async () => {
    served = await ServedNode.start();
    process.kill(served.helper, 'SIGKILL');
    expect(await served.ended).toEqual({ code: 3, signal: null });
    expect(mountEntry(served.mount)).toBe('');
    expect(served.output).toContain('the FUSE helper has ended with SIGKILL');
  });

  it('is reported with the command that clears it when both were killed at once', async () => {
    served = await ServedNode.start();
    const { mount, child, helper } = served;
    // Stopped, it can't notice the end of the other one.
    process.kill(helper, 'SIGSTOP');
    try {
      child.kill('SIGKILL');
      await served.ended;
    } finally {
      process.kill(helper, 'SIGKILL');
    }
    await eventually(
      () => !fs.existsSync(`/proc/${helper}`) || fs.readFileSync(`/proc/${helper}/stat`, 'utf8').includes(') Z'),
    );
    const again = await run(process.execPath, [cli, 'serve', '--mount', mount]);
    expect(again.code).toBe(3);
    const command = /clear it with: (.*)$/m.exec(again.stderr)![1]!;
    expect((await run('sh', ['-c', command])).code).toBe(0);
    expect(mountEntry(mount)).toBe('');
    served = await ServedNode.start([], mount);
    expect(fs.readdirSync(mount)).toEqual(['renderD128']);
  });

  it('is not made twice', async () => {
    served = await ServedNode.start();
    const again = await run(process.execPath, [cli, 'serve', '--mount', served.mount]);
    expect([again.code, again.stderr]).toEqual([
      3,
      expect.stringContaining('is mounted already, by another amdgpu-svm serve'),
    ]);
    expect(fs.readdirSync(served.mount)).toEqual(['renderD128']);
  });

  it('is refused for wrong input', async () => {
    for (const args of [
      [],
      ['--mount', '/tmp/x', '--asic', 'gfx1'],
      ['--mount', '/tmp/x', '--gpus', '9'],
      ['--mount', '/tmp/x', '--profile', 'v9'],
    ]) {
      const result = await runHere(['serve', ...args]);
      expect([result.code, result.stderr]).toEqual([2, expect.stringMatching(/^amdgpu-svm: serve: --/)]);
    }
    // A shell variable that is not set.
    expect(await runHere(['serve', '--mount='])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--mount: expected a folder, got ""') as string,
    });
    for (const [mount, why] of [
      [path.join(root, 'package.json'), "can't be mounted on: it is not a directory"],
      [path.join(root, 'package.json', 'below'), "can't be mounted on: ENOTDIR"],
      [path.join(root, 'test'), 'is not empty, and a mount would hide what is in it'],
      ['/proc/nowhere', "can't be mounted on: ENOENT"],
    ] as const) {
      const result = await runHere(['serve', '--mount', mount]);
      expect([result.code, result.stderr]).toEqual([3, expect.stringContaining(`${mount} ${why}`)]);
    }
  });

  it('needs the helper, and says how to build it', async () => {
    const mount = newMountPoint();
    const result = await run(process.execPath, [cli, 'serve', '--mount', mount], {
      env: { ...process.env, AMDGPU_SVM_FUSE: '/nowhere' },
    });
    expect([result.code, result.stderr]).toEqual([
      3,
      expect.stringMatching(/not built \(looked for \/nowhere\).*npx amdgpu-svm build --fuse/),
    ]);
  });
});

describeWhere(unserved, 'a client', () => {
  let served: ServedNode;
  /** Nodes that a test has opened; those it didn't close would count as open files in the next one. */
  const nodes: KernelNode[] = [];
  const openNode = (index = 0): KernelNode => {
    const node = KernelNode.open(served.node(index));
    nodes.push(node);
    return node;
  };
  beforeAll(async () => {
    if (unserved === '') served = await ServedNode.start(['--log', '--gpus', '2']);
  });
  afterEach(() => {
    for (const node of nodes.splice(0)) node.close();
  });
  afterAll(async () => {
    await served?.stop();
  });

  it('shows in the log: opens, calls, refusals by name, closes', async () => {
    const node = openNode(1);
    const memory = new KernelMemory().map(MIB);
    svmCall(node, {
      address: memory.address,
      size: MIB,
      records: [
        [2, 1],
        [0, 0xffff_ffff],
      ],
    });
    svmCall(node, { address: memory.address + 1n });
    node.ioctl(0xc010640c, new Uint8Array(16));
    node.ioctl(0xc0186443, new Uint8Array(24));
    node.ioctl(0xc0106401, new Uint8Array(16));
    node.ioctl(0xc01064fe, new Uint8Array(16));
    node.close();
    await served.until((text) => text.includes(': close'));
    const who = `${process.pid} \\S+( \\S+)* renderD129 #\\d+: `;
    const address = `0x${memory.address.toString(16)}`;
    for (const line of [
      'open = 0',
      `DRM_AMDGPU_GEM_SVM set \\[${address}, \\+0x100000\\) 2:1 0:undefined = 0`,
      'DRM_AMDGPU_GEM_SVM set .* = EINVAL',
      'DRM_IOCTL_GET_CAP, not served = EINVAL',
      'DRM_AMDGPU_BO_LIST, not served = EINVAL',
      'DRM_IOCTL_GET_UNIQUE, not served = EACCES',
      'unknown DRM ioctl 0xc01064fe, not served = EINVAL',
      'close',
    ]) {
      expect(served.output).toMatch(new RegExp(`^${who}${line}$`, 'm'));
    }
    memory.unmap();
  });

  it('that uses this package is told the revision, and may share its file', async () => {
    const other = await ServedNode.start(['--profile', 'v8']);
    const device = SvmDevice.open({ node: `${path.dirname(other.node())}//renderD128` });
    expect([device.backend, device.profile.name]).toEqual(['kernel', 'v8']);
    const buffer = device.memory.map(MIB);
    device.setAttributes(buffer, { granularity: 3 });
    const adopted = SvmDevice.adopt(device.fd!);
    expect([adopted.profile.name, adopted.path, adopted.fd === device.fd]).toEqual(['v8', other.node(), false]);
    // The same open file has the same context, another one has not.
    expect(adopted.getAttributes(buffer, ['granularity'])).toEqual({ granularity: 3 });
    device.close();
    expect(() => device.fd).toThrow(expect.objectContaining({ code: 'ERR_SVM_CLOSED' }));
    expect(adopted.getAttributes(buffer, ['granularity'])).toEqual({ granularity: 3 });
    adopted.resetAttributes(buffer);
    expect(adopted.getAttributes(buffer, ['granularity'])).toEqual({ granularity: 9 });
    const fresh = SvmDevice.open({ node: other.node(), profile: 'v8' });
    expect(fresh.getAttributes(buffer, ['granularity'])).toEqual({ granularity: 9 });
    fresh.close();
    adopted.close();
    expect(() => SvmDevice.open({ node: other.node(), profile: 'v4' })).toThrow(
      /profile is to be v4, but it is served with revision v8$/,
    );
    expect(await other.stop()).toEqual({ code: 0, signal: null });
  });

  it('raises events by what it does to its memory', async () => {
    const node = openNode();
    const memory = new KernelMemory().map(4 * MIB);
    const look = (): number => svmCall(node, { operation: 1, address: memory.address }).result;
    look();
    memory.protect('read', MIB, MIB);
    look();
    memory.unmap(2 * MIB, MIB);
    look();
    const at = (offset: number): string => `0x${(memory.address + BigInt(offset)).toString(16)}`;
    await served.until((text) => text.includes(`event UNMAP [${at(2 * MIB)}, +0x100000)`));
    expect(served.output).toContain(`event PROTECTION [${at(MIB)}, +0x100000)`);
    node.close();
    memory.unmap();
  });

  it('has a context of its own for each file, and another machine for each process', async () => {
    const memory = new KernelMemory().map(MIB);
    await eventually(async () => (await served.gpuJson('list'))['files'] === 0);
    const [one, other] = [openNode(), openNode()];
    expect(svmCall(one, { address: memory.address, records: [[3, 4]] }).result).toBe(0);
    const value = (node: KernelNode): number =>
      svmCall(node, { operation: 1, address: memory.address, records: [[3, 0]] }).records[0]!.value;
    expect([value(one), value(other)]).toEqual([4, 9]);
    const script = `
      const { KernelNode } = await import('${path.join(root, 'dist', 'lib', 'index.js')}');
      globalThis.kept = KernelNode.open('${served.node()}'); // a forgotten node is closed by the collector
      console.log('open');
      setInterval(() => {}, 1000);`;
    const child = spawnChild(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((settle) => child.stdout!.once('data', settle));
    expect(await served.gpuJson('list')).toMatchObject({ clients: 2, files: 3, contexts: 3 });
    child.kill('SIGKILL');
    await eventually(async () => (await served.gpuJson('list'))['files'] === 2);
    one.close();
    other.close();
    await eventually(async () => (await served.gpuJson('list'))['files'] === 0);
    memory.unmap();
  });

  it("keeps the opener's address space when another process uses the file", async () => {
    // The shell opens, its child issues the ioctl on the inherited file: the context is that of the shell.
    const program = `
import fcntl, struct, ctypes, mmap, os, sys
memory = mmap.mmap(-1, 4096)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
record = ctypes.create_string_buffer(struct.pack('<II', 2, 1), 8)
def call(node):
    try: return fcntl.ioctl(node, 0xC020645A, bytearray(struct.pack('<QQIIQ', address, 4096, 0, 1, ctypes.addressof(record))), True)
    except OSError as error: return -error.errno
own = os.open(sys.argv[1], os.O_RDWR)
print(call(int(sys.argv[2])), call(own))`;
    const shell = `exec 9<>${served.node()}; python3 -c "$0" ${served.node()} 9; true`;
    const result = await run('bash', ['-c', shell, program]);
    // EFAULT: the shell has nothing at that address, unless address spaces coincide.
    expect(result.output.trim()).toBe('-14 0');
  });

  it('ends its context with exec', async () => {
    const shell = `exec 9<>${served.node()}; exec python3 -c '
import fcntl, struct
try: fcntl.ioctl(9, 0xC020645A, bytearray(struct.pack("<QQIIQ", 4096, 4096, 0, 0, 0)), True)
except OSError as error: print(error.errno)'`;
    const result = await run('bash', ['-c', shell]);
    expect(result.output.trim()).toBe('22');
    await served.until((text) => text.includes('event RELEASE'));
  });
});

describeWhere(unserved, 'a person playing the GPU', () => {
  let served: ServedNode;
  let client: ChildProcess;
  let address: bigint;
  let lines: AsyncIterator<string>;

  beforeAll(async () => {
    if (unserved !== '') return;
    served = await ServedNode.start();
    client = spawnChild('python3', [player, served.node(), 'play'], { stdio: ['pipe', 'pipe', 'inherit'] });
    lines = readline.createInterface({ input: client.stdout! })[Symbol.asyncIterator]();
    address = BigInt((await lines.next()).value as string);
  });
  afterAll(async () => {
    if (unserved !== '') return;
    client?.stdin!.end();
    await served?.stop();
  });

  /** What the client itself sees. */
  const seen = async (offset: number, length: number): Promise<string> => {
    client.stdin!.write(`${offset} ${length}\n`);
    return (await lines.next()).value as string;
  };
  const hex = (offset: number): string => `0x${(address + BigInt(offset)).toString(16)}`;

  it('fills memory of the client, and the client sees it', async () => {
    expect(await seen(MIB, 8)).toBe('0000000000000000');
    expect((await served.gpu('fill', hex(0), '0x11223344', String(2 * MIB))).output).toBe('done\n');
    expect(await seen(MIB, 8)).toBe('4433221144332211');
    expect(await seen(2 * MIB, 4)).toBe('00000000');
  });

  it('writes, copies and reads', async () => {
    await served.gpu('write', hex(4094), 'aabbccdd');
    expect(await seen(4092, 8)).toBe('4433aabbccdd2211');
    await served.gpu('copy', hex(3 * MIB), hex(4092), '8');
    expect(await seen(3 * MIB, 8)).toBe('4433aabbccdd2211');
    expect((await served.gpu('read', hex(3 * MIB), '8')).stdout.trim()).toBe('4433aabbccdd2211');
  });

  it('raises faults and accesses', async () => {
    expect(await served.gpuJson('fault', hex(3 * MIB), '--write')).toEqual({ result: 0, name: '0' });
    const access = await served.gpuJson<{ faults: number; runs: { outcome: string; state: string }[] }>(
      'access',
      hex(0),
      '8192',
    );
    expect(access).toMatchObject({ faults: 0, runs: [{ outcome: 'hit', state: 'ok' }] });
    const refused = await served.gpu('fill', '0x10000', '1', '4096');
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining('nothing is mapped there in the process'),
    ]);
    const nothing = await served.gpu('access', '0x10000', '8192');
    expect([nothing.code, nothing.stdout]).toEqual([1, expect.stringContaining('0x10000 +2 pages: failed')]);
  });

  it('ends with 1 when a fault is refused', async () => {
    // The page at the very start of the program's own code can't be written.
    const [code] = fs.readFileSync(`/proc/${client.pid}/maps`, 'utf8').split('-');
    expect(await served.gpu('fault', `0x${code}`, '--write')).toMatchObject({
      code: 1,
      stdout: 'EPERM: the access is killed\n',
    });
  });

  it('shows the state', async () => {
    const snapshot = await served.gpuJson<{ attributes: object[]; ptes: object[]; file: object }>('snapshot');
    expect(snapshot.file).toMatchObject({ pid: client.pid, name: 'python3', node: 'renderD128' });
    expect(snapshot.attributes).toContainEqual(
      expect.objectContaining({ firstPage: Number(address / 4096n), preferredLocation: 1, access: 2 }),
    );
    expect(snapshot.ptes.length).toBeGreaterThan(0);
    expect((await served.gpu('list')).stdout).toMatch(
      /^1 client, 1 file, 1 SVM context; 1 ioctl so far\nfile \d+: renderD128 of process \d+ python3\n$/,
    );
  });

  it('is refused for wrong input, and without a server', async () => {
    for (const args of [
      ['list', '3'],
      ['fly'],
      [],
      ['fill', hex(0), 'x', '4'],
      ['read', '0x1', '0x1', '--pid', 'me'],
      ['fill', hex(0), '1', '3'],
      ['fill', hex(0), '0x100000000', '4'],
    ]) {
      expect(await served.gpu(...args)).toMatchObject({ code: 2, stdout: '' });
    }
    expect((await served.gpu('snapshot', '--pid', '1')).code).toBe(2);
    expect(await served.gpuJson('list', '--pid', '1')).toMatchObject({ files: 1, open: [] });
    const nowhere = await runHere(['gpu', '--mount', newMountPoint(), 'list']);
    expect([nowhere.code, nowhere.stderr]).toEqual([3, expect.stringContaining('nobody serves there')]);
  });
});
