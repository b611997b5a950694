/** Clients of a served node that ask for too much, or come from unusual processes, next to one that only wants to be served. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { temporaryFolder } from './support/after-file.ts';
import { run, type Run } from './support/package-support.ts';
import { describeWhere, eventually, ServedNode, spawnChild, whyNotServed } from './support/served-node.ts';

const PRELUDE = `
import ctypes, fcntl, mmap, os, resource, struct, sys, threading, time
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
def reserve(size, flags=0x4022, file=-1): return libc.mmap(None, ctypes.c_size_t(size), 3, flags, file, ctypes.c_long(0))
def call(node, address, size, *records):
    data = ctypes.create_string_buffer(b''.join(struct.pack('<II', *each) for each in records), 8 * len(records))
    try: return fcntl.ioctl(node, 0xC020645A, bytearray(struct.pack('<QQIIQ', address, size, 0, len(records), ctypes.addressof(data))))
    except OSError as error: return -error.errno
def say(*words): os.write(1, (' '.join(map(str, words)) + chr(10)).encode())
`;
/** The system's Python, which starts at once. */
const PYTHON = ['env', 'PATH=/usr/local/bin:/usr/bin:/bin', 'python3', '-c'] as const;
const python = (body: string, ...args: readonly string[]): Promise<Run> =>
  run(PYTHON[0], [...PYTHON.slice(1), PRELUDE + body, ...args]);

/** Prints the longest ioctl in milliseconds. */
const POLITE = `
node = os.open(sys.argv[1], os.O_RDWR)
memory = reserve(4096)
end = time.monotonic() + float(sys.argv[2])
longest = 0
while time.monotonic() < end:
    started = time.monotonic()
    if call(node, memory, 4096, (2, 1)) != 0: sys.exit('wrong answer')
    longest = max(longest, time.monotonic() - started)
say(round(longest * 1000))`;

/**
 * Prints what the server did in each ioctl of a client, in milliseconds: the processor time of the threads that have to
 * do with it - the helper, the server's main thread, and the thread of its session, which is the one that worked while
 * nobody else was served. Whoever queues after the work of another client does so on one of these. The wall time, which
 * comes last, has also what other programs on the machine do. Meanwhile somebody is greedy: another process, or a second
 * thread of this one, whose turn this one has to await.
 */
const MEASURING = `
server, helper, greedy = sys.argv[2:5]
node = os.open(sys.argv[1], os.O_RDWR)
memory = reserve(4096)
def runtimes():
    tasks = '/proc/%s/task' % server
    return {task: int(open(tasks + '/%s/schedstat' % task).read().split()[0]) for task in os.listdir(tasks)}
def ask():
    if call(node, memory, 4096, (2, 1)) != 0: sys.exit('wrong answer')
before = runtimes()
for _ in range(2000): ask()
grown = {task: time - before.get(task, 0) for task, time in runtimes().items() if task != server}
session = max(grown, key=grown.get)
paths = ['/proc/%s/schedstat' % helper]
paths += ['/proc/%s/task/%s/schedstat' % (server, task) for task in (server, session)]
stats = [os.open(path, os.O_RDONLY) for path in paths]
def worked(): return sum(int(os.pread(each, 100, 0).split()[0]) for each in stats) / 1e9
ended = threading.Event()
def be_greedy():
    other = os.open(sys.argv[1], os.O_RDWR)
    if call(other, reserve(1 << 41), 1 << 41, (8, 1), (1, 1)) != -12: sys.exit('wrong answer')
def be_another_process():
    child = os.fork()
    if child == 0:
        be_greedy()
        os._exit(0)
    os.waitpid(child, 0)
def in_background():
    (be_another_process if greedy == 'process' else be_greedy)()
    ended.set()
threading.Thread(target=in_background).start()
waits = []
walls = []
while not ended.is_set() or len(waits) < 200:
    work, started = worked(), time.monotonic()
    ask()
    walls.append(time.monotonic() - started)
    waits.append(worked() - work)
waits.sort()
say(len(waits), *(round(1000 * each, 2) for each in (waits[len(waits) // 2], waits[-1 - len(waits) // 1000], waits[-1], max(walls))))`;

describeWhere(whyNotServed(), 'a served node', () => {
  let served: ServedNode;
  afterEach(async () => void (await served.stop()));

  it('lets nobody wait for the work of another, and gives nobody all memory', { timeout: 200_000 }, async () => {
    served = await ServedNode.start();
    const measured = async (greedy: 'process' | 'thread'): Promise<number[]> => {
      const { pid } = served.child;
      const result = await python(MEASURING, served.node(), String(pid), String(served.helper), greedy);
      expect(result.code, result.output).toBe(0);
      const [calls, middle, high, longest, wall] = result.stdout.trim().split(' ').map(Number);
      const figures = `median ${middle}, 99.9 % ${high}, longest ${longest} ms (longest wall time ${wall} ms)`;
      console.log(`work in ${calls} ioctls next to a prefetch of 2 TiB by another ${greedy}: ${figures}`);
      return [calls!, longest!];
    };
    const [calls, longest] = await measured('process');
    expect(calls).toBeGreaterThan(200);
    expect(longest).toBeLessThan(50);
    // What the measure shows where one has to wait: the calls of one process are answered one after the other.
    expect((await measured('thread'))[1]).toBeGreaterThan(50);
    const peak = /^VmHWM:\s*(\d+) kB$/m.exec(fs.readFileSync(`/proc/${served.child.pid}/status`, 'utf8'))![1]!;
    expect(Number(peak)).toBeLessThan(1_000_000);
  });

  it('limits the files of a process, and closes thousands', { timeout: 200_000 }, async () => {
    served = await ServedNode.start();
    const many = spawnChild(
      PYTHON[0],
      [
        ...PYTHON.slice(1),
        `${PRELUDE}
resource.setrlimit(resource.RLIMIT_NOFILE, (6000, 6000))
nodes = []
try:
    while True: nodes.append(os.open(sys.argv[1], os.O_RDWR))
except OSError as error: say(len(nodes), error.errno)
sys.stdin.read()`,
        served.node(),
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    const waiting = python(POLITE, served.node(), '2');
    const said = await new Promise<string>((settle) => many.stdout!.once('data', (chunk) => settle(String(chunk))));
    expect(said.trim()).toBe('4096 24');
    // By the wall it also waits for other programs: this says that it is served, the first test what it waits for.
    expect(Number((await waiting).stdout)).toBeLessThan(30_000);
    expect(await served.gpuJson('list')).toMatchObject({ clients: 1, files: 4096 });
    many.kill('SIGKILL');
    await eventually(async () => (await served.gpuJson('list'))['files'] === 0);
  });

  it('fails where V4 does after the end of a file, with its errnos', async () => {
    served = await ServedNode.start();
    const file = path.join(temporaryFolder(), 'short');
    fs.writeFileSync(file, Buffer.alloc(3 * 4096, 1));
    const client = spawnChild(
      PYTHON[0],
      [
        ...PYTHON.slice(1),
        `${PRELUDE}
node = os.open(sys.argv[1], os.O_RDWR)
memory = reserve(8 * 4096, 1, os.open(sys.argv[2], os.O_RDWR))
say(memory, call(node, memory, 8 * 4096, (2, 1)), call(node, memory, 3 * 4096, (1, 1)), call(node, memory + 3 * 4096, 4096, (1, 1)))
sys.stdin.read()`,
        served.node(),
        file,
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    const said = await new Promise<string>((settle) => client.stdout!.once('data', (chunk) => settle(String(chunk))));
    const [memory, ...answers] = said.trim().split(' ');
    // A prefetch that fails is an answer of SET: EFAULT.
    expect(answers).toEqual(['0', '0', '-14']);
    const at = (page: number): string => `0x${(BigInt(memory!) + BigInt(page * 4096)).toString(16)}`;
    expect((await served.gpu('fill', at(2), '0x07070707', '4096')).output).toBe('done\n');
    expect(fs.readFileSync(file).subarray(2 * 4096, 2 * 4096 + 4)).toEqual(Buffer.alloc(4, 7));
    // "The GPU may retry", forever: the fault is answered with 0 and nothing is mapped.
    expect(await served.gpuJson('fault', at(3))).toEqual({ result: 0, name: '0' });
    const beyond = await served.gpu('access', at(3), '4096');
    expect([beyond.code, beyond.stdout]).toEqual([1, expect.stringContaining('+1 page: failed')]);
    expect(served.output).not.toContain('EIO');
    client.stdin!.end();
  });

  it('serves threads whose first one has ended, and children of fork', async () => {
    served = await ServedNode.start();
    const threads = await python(
      `
def other():
    time.sleep(0.3)
    node = os.open(sys.argv[1], os.O_RDWR)
    say(call(node, reserve(4096), 4096, (2, 1)))
    os._exit(0)
threading.Thread(target=other).start()
libc.syscall(60, 0)`,
      served.node(),
    );
    expect(threads.output.trim()).toBe('0');
    const forks = await python(
      `
memory = reserve(4096)
node = os.open(sys.argv[1], os.O_RDWR)
for depth in range(3):
    child = os.fork()
    if child == 0:
        own = os.open(sys.argv[1], os.O_RDWR)
        say(call(node, memory, 4096, (2, 1)), call(own, memory, 4096, (2, 1)))
        os._exit(0)
    os.waitpid(child, 0)
say(call(node, memory, 4096, (2, 1)))`,
      served.node(),
    );
    expect(forks.output.trim().split('\n')).toEqual(['0 0', '0 0', '0 0', '0']);
    await eventually(async () => (await served.gpuJson('list'))['files'] === 0);
  });
});
