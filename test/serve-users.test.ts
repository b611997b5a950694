/** Serving without being root, and clients that the server may not look into. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from './support/after-file.ts';
import { root, run, type Run } from './support/package-support.ts';
import {
  cli,
  describeWhere,
  eventually,
  newMountPoint,
  ServedNode,
  spawnChild,
  whyNotServed,
} from './support/served-node.ts';

const NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups'];
const asNobody = (...command: readonly string[]): Promise<Run> => run('setpriv', [...NOBODY, ...command]);
/** The system's Python: another one that stands first may lie where others cannot go. */
const PYTHON = ['env', 'PATH=/usr/local/bin:/usr/bin:/bin', 'python3'] as const;
const YAMA = '/proc/sys/kernel/yama/ptrace_scope';
/** Whether the system forbids to look into programs of the same user that are no descendants. */
const restricted = fs.existsSync(YAMA) && fs.readFileSync(YAMA, 'utf8').trim() !== '0';
const needsRoot = process.getuid?.() === 0 ? '' : 'only root can become somebody else';
const problem = whyNotServed() || needsRoot;

/** A client that can be told to become a secret, before or after it opens the node. */
const CLIENT = `
import ctypes, fcntl, os, struct, sys
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
PR_SET_DUMPABLE = 4
if sys.argv[2] == 'hidden': libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
try: node = os.open(sys.argv[1], os.O_RDWR)
except OSError as error: sys.exit(f'open {error.errno}')
if sys.argv[2] == 'hiding': libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
memory = libc.mmap(None, ctypes.c_size_t(4096), 3, 0x22, -1, ctypes.c_long(0))
record = ctypes.create_string_buffer(struct.pack('<II', 2, 1), 8)
call = bytearray(struct.pack('<QQIIQ', memory, 4096, 0, 1, ctypes.addressof(record)))
try: sys.exit(f'ioctl {fcntl.ioctl(node, 0xC020645A, call)}')
except OSError as error: sys.exit(f'ioctl {error.errno}')
`;

/** A client that calls itself "<END>Tgid:<PID>" and asks about a page of that process. */
const IMPOSTOR = `
import ctypes, fcntl, os, struct, sys
name = bytes.fromhex(sys.argv[2]) + b'Tgid:' + sys.argv[3].encode()
ctypes.CDLL(None).prctl(15, ctypes.c_char_p(name), 0, 0, 0)
record = ctypes.create_string_buffer(struct.pack('<II', 2, 1), 8)
call = bytearray(struct.pack('<QQIIQ', int(sys.argv[4], 16), 4096, 0, 1, ctypes.addressof(record)))
try: answer = 'ioctl %d' % fcntl.ioctl(os.open(sys.argv[1], os.O_RDWR), 0xC020645A, call)
except OSError as error: answer = 'ioctl %d' % error.errno
os.write(1, b'%d %s' % (os.getpid(), answer.encode()))
sys.stdin.read()
`;

describeWhere(problem, 'users', () => {
  /** What others may read: the repository may lie where they can't go. */
  async function publicCopy(): Promise<string> {
    const folder = temporaryFolder();
    const node = path.join(folder, 'node');
    if ((await asNobody('test', '-x', process.execPath)).code === 0) fs.symlinkSync(process.execPath, node);
    else fs.copyFileSync(process.execPath, node);
    for (const name of ['package.json', 'dist', 'build-fuse'])
      fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
    fs.writeFileSync(path.join(folder, 'client.py'), CLIENT);
    fs.mkdirSync(path.join(folder, 'mine'));
    fs.chownSync(path.join(folder, 'mine'), 65534, 65534);
    fs.chmodSync(folder, 0o755);
    return folder;
  }

  /** Served by root to everybody. */
  async function servedToOthers(): Promise<ServedNode> {
    const mount = newMountPoint();
    fs.chmodSync(path.dirname(mount), 0o755);
    return ServedNode.start(['--allow-other'], mount);
  }

  it('serve for their own programs, as far as the system lets them look into those', async () => {
    const folder = await publicCopy();
    const script = `
      cd '${folder}/mine'
      ../node ../dist/lib/cli/main.cjs serve --mount dri > log 2>&1 & server=$!
      for i in $(seq 600); do grep -q serving log && break; kill -0 $server || break; sleep 0.1; done
      for how in open hidden hiding; do python3 ../client.py dri/renderD128 $how; done
      kill -TERM $server; wait $server; echo "ended with $?"; cat log`;
    // A device file of its own in a mount namespace of its own: /dev/fuse is not open to everybody everywhere.
    const outer = 'mknod -m 666 "$0/fuse" c 10 229 && mount --bind "$0/fuse" /dev/fuse && exec setpriv "$@"';
    const { output } = await run('unshare', ['--mount', 'sh', '-c', outer, folder, ...NOBODY, 'sh', '-c', script]);
    const denied = 'open 13';
    // EFAULT: the record can't be read.
    for (const line of restricted ? [denied, denied, denied] : ['ioctl 0', denied, 'ioctl 14'])
      expect(output.split('\n')).toContain(line);
    expect(output).toContain('ended with 0');
    expect(output).toMatch(
      /^process \d+ cannot open renderD128: EACCES: .*serve as root, or as the user of the clients with kernel\.yama\.ptrace_scope = 0/m,
    );
    if (!restricted)
      expect(output).toMatch(/^the memory of process \d+ can't be reached: Operation not permitted \(serve as root/m);
    expect(output).not.toContain('    at ');
  });

  it('run programs that find the served files in /dev and /sys, in a user namespace, or are told that none may be made', async () => {
    const folder = await publicCopy();
    const found = `cat /sys/devices/virtual/kfd/kfd/topology/nodes/1/name; test -r /dev/kfd && ${PYTHON.join(' ')} '${folder}/client.py' /dev/dri/renderD128 open`;
    const serve = `cd '${folder}/mine' && TMPDIR=. ../node ../dist/lib/cli/main.cjs serve --run --asic gfx90a -- sh -c '${found.replaceAll("'", "'\\''")}'`;
    const outer = 'mknod -m 666 "$0/fuse" c 10 229 && mount --bind "$0/fuse" /dev/fuse && exec setpriv "$@"';
    const { code, output } = await run('unshare', ['--mount', 'sh', '-c', outer, folder, ...NOBODY, 'sh', '-c', serve]);
    const mayMake = (await asNobody('unshare', '-m', '-U', '-r', 'true')).code === 0;
    if (!mayMake) expect([code, output]).toEqual([3, expect.stringContaining('no private mount namespace')]);
    else if (restricted) expect(output).toContain('open 13');
    // The client ends with what it says.
    else expect([code, output]).toEqual([1, 'gfx90a\nioctl 0\n']);
    expect(fs.readdirSync(path.join(folder, 'mine'))).toEqual([]);
    const nothing = await run('node', [cli, 'serve', '--run', '--', './no-program']);
    expect([nothing.code, nothing.stderr]).toEqual([127, 'amdgpu-svm: ./no-program: there is no such program\n']);

    fs.writeFileSync(
      path.join(folder, 'unshare'),
      '#!/bin/sh\necho "unshare: unshare failed: Operation not permitted" >&2\nexit 1\n',
      { mode: 0o755 },
    );
    const outerAgain = 'mount --bind "$0/fuse" /dev/fuse && PATH=$0:$PATH exec setpriv "$@"';
    const refused = await run('unshare', [
      ...['--mount', 'sh', '-c', outerAgain, folder, ...NOBODY, 'sh', '-c', serve],
    ]);
    expect([refused.code, refused.stderr]).toEqual([
      3,
      'amdgpu-svm serve --run: no private mount namespace: unshare: unshare failed: Operation not permitted; run as root (in a container with --cap-add SYS_ADMIN), or where users may make namespaces of their own\n',
    ]);
  });

  it('are told what to do where /dev/fuse is closed to them, or is not there', async () => {
    const folder = await publicCopy();
    const serve = (outer: string) =>
      run('unshare', [
        '--mount',
        'sh',
        '-c',
        outer,
        folder,
        ...NOBODY,
        `${folder}/node`,
        `${folder}/dist/lib/cli/main.cjs`,
        'serve',
        '--mount',
        `${folder}/mine/dri`,
      ]);
    const closed = await serve(
      'mknod -m 600 "$0/fuse" c 10 229 && mount --bind "$0/fuse" /dev/fuse && exec setpriv "$@"',
    );
    expect([closed.code, closed.stderr]).toEqual([
      3,
      expect.stringContaining('/dev/fuse may not be opened by this user; as root: chmod 666 /dev/fuse'),
    ]);
    const missing = await serve('mount -t tmpfs none /dev && exec setpriv "$@"');
    expect([missing.code, missing.stderr]).toEqual([
      3,
      expect.stringContaining('there is no /dev/fuse; load the module (modprobe fuse)'),
    ]);
  });

  it('other than root are served by root if it says so, but do not play the GPU', async () => {
    const folder = await publicCopy();
    const served = await servedToOthers();
    for (const [how, answer] of [
      ['open', 'ioctl 0'],
      // Its own user may not look into it, so nobody does on its behalf.
      ['hidden', 'open 13'],
      ['hiding', 'ioctl 0'],
    ] as const) {
      const client = await asNobody(...PYTHON, `${folder}/client.py`, served.node(), how);
      expect(client.stderr.trim(), how).toBe(answer);
    }
    const gpu = await asNobody(
      `${folder}/node`,
      `${folder}/dist/lib/cli/main.cjs`,
      'gpu',
      '--mount',
      served.mount,
      'list',
    );
    expect([gpu.code, gpu.stderr]).toEqual([3, expect.stringContaining('only the user who serves may play the GPU')]);
    expect(await served.stop()).toEqual({ code: 0, signal: null });
  });

  it('other than root are not served unless root says so', async () => {
    const folder = await publicCopy();
    const mount = newMountPoint();
    fs.chmodSync(path.dirname(mount), 0o755);
    const served = await ServedNode.start([], mount);
    const client = await asNobody(...PYTHON, `${folder}/client.py`, served.node(), 'open');
    expect(client.stderr.trim()).toBe('open 13');
    expect(served.output).not.toContain(': open');
    await served.stop();
    const refused = await asNobody(
      `${folder}/node`,
      `${folder}/dist/lib/cli/main.cjs`,
      'serve',
      '--mount',
      mount,
      '--allow-other',
    );
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--allow-other: only root')]);
  });

  it('do not become another process by a name that looks like a line of /proc', async () => {
    const folder = await publicCopy();
    fs.writeFileSync(path.join(folder, 'impostor.py'), IMPOSTOR);
    const served = await servedToOthers();
    const victim = spawnChild('sleep', ['60'], { stdio: 'ignore' });
    const secret = /^([0-9a-f]+)-[0-9a-f]+ rw/m.exec(fs.readFileSync(`/proc/${victim.pid}/maps`, 'utf8'))![1]!;
    for (const end of ['0d', 'e280a8', 'e280a9', '0b', '0c', 'c285', '5c6e']) {
      const impostor = spawnChild(
        'setpriv',
        [...NOBODY, ...PYTHON, `${folder}/impostor.py`, served.node(), end, String(victim.pid), secret],
        { stdio: ['pipe', 'pipe', 'inherit'] },
      );
      const said = await new Promise<string>((settle) =>
        impostor.stdout!.once('data', (chunk) => settle(String(chunk))).once('end', () => settle('nothing')),
      );
      // EFAULT would be an answer about its own memory, 0 one about that of the victim.
      expect(said.trim(), end).toBe(`${impostor.pid} ioctl 14`);
      const { open } = await served.gpuJson<{ open: { pid: number }[] }>('list');
      expect(
        open.map(({ pid }) => pid),
        end,
      ).toEqual([impostor.pid]);
      impostor.stdin!.end();
      await new Promise((settle) => impostor.once('close', settle));
      await eventually(async () => (await served.gpuJson('list'))['files'] === 0);
    }
    victim.kill('SIGKILL');
    await served.stop();
  });

  it('are not served through a program with the rights of somebody else', async () => {
    const served = await servedToOthers();
    // As a setuid program has it: the real user is not the effective one. Dumpable again, so that only the ids speak.
    for (const ids of ['65534, 65533, 65533', '65533, 65534, 65533', '65533, 65533, 65534']) {
      for (const calls of [[`os.setresuid(${ids})`], [`os.setresgid(${ids})`, 'os.setresuid(65534, 65534, 65534)']]) {
        const script = [
          'import os, ctypes',
          ...calls,
          'ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)',
          `try: os.open('${served.node()}', os.O_RDWR)`,
          "except OSError as error: print('open', error.errno)",
        ].join('\n');
        expect((await run(PYTHON[0], [...PYTHON.slice(1), '-c', script])).output.trim(), script).toBe('open 13');
      }
    }
    await served.stop();
  });
});
