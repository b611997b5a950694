import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { KfdHandle, KfdRefusal, NativeAddon, NativeKfd, NativeKfdQueue } from '../../../native/native.d.ts';
import { KfdConnection, kfdRefusal } from './connection.ts';
import type { KfdNode } from './connection.ts';
import { temporaryFolder } from '../../../test/support/after-file.ts';

const topology = temporaryFolder();
const node = path.join(topology, 'nodes', '1');
fs.mkdirSync(path.join(node, 'io_links', '0'), { recursive: true });
fs.writeFileSync(path.join(node, 'gpu_id'), '4711\n');
const properties = 'gfx_target_version 90402\ndrm_render_minor 130\nlocation_id 256\ndevice_id 29857\n';
fs.writeFileSync(path.join(node, 'properties'), properties);
fs.writeFileSync(path.join(node, 'io_links', '0', 'properties'), 'type 2\nnode_to 0\nflags 1\n');

const handle = {} as KfdHandle;

/** KFD as far as a connection sees it; `log` has its calls. */
function setUp(answers: { open?: NativeKfd | KfdRefusal; acquire?: number; queue?: NativeKfdQueue | KfdRefusal } = {}) {
  const log: string[] = [];
  const note = <T>(line: string, value: T): T => {
    log.push(line);
    return value;
  };
  const addon = {
    kfdOpen: (file) => note(`open ${file}`, answers.open ?? { handle, major: 1, minor: 14 }),
    kfdClose: () => note('close', undefined),
    kfdSetXnack: (_kfd, enabled) => note(`xnack ${enabled}`, -16),
    kfdCreateQueue: (_kfd, ring, buffer) =>
      note(`queue ${ring} ${buffer}`, answers.queue ?? { call: 'AMDKFD_IOC_CREATE_QUEUE', errno: -12 }),
  } satisfies Partial<NativeAddon> as unknown as NativeAddon;
  const renderNode: KfdNode = {
    path: '/dev/dri/renderD130',
    renderMinor: 130,
    acquire: (_kfd, gpu) => note(`acquire ${gpu}`, answers.acquire ?? 0),
  };
  return { log, addon, renderNode };
}

describe('the connection of a render node to KFD', () => {
  it('acquires the VM of the GPU that has the node, and takes a refusal of XNACK', () => {
    const { log, addon, renderNode } = setUp();
    const connection = KfdConnection.open(addon, renderNode, { topology });
    expect(connection).toMatchObject({ gpu: { gpuId: 4711, gfx: 'gfx942', hostAtomics: 'pcie' } });
    expect(log).toEqual(['open /dev/kfd', 'acquire 4711', 'xnack 1']);
    (connection as KfdConnection).close();
    expect(log.at(-1)).toBe('close');
  });

  it('takes the number of a served node from its name', () => {
    const { addon, renderNode } = setUp();
    const served = { ...renderNode, renderMinor: undefined };
    expect(KfdConnection.open(addon, served, { topology })).toBeInstanceOf(KfdConnection);
    expect(KfdConnection.open(addon, { ...served, path: '/tmp/gpu' }, { topology })).toMatch(/no GPU .* \/tmp\/gpu$/);
  });

  it.each<[string, Parameters<typeof setUp>[0], RegExp]>([
    ['no KFD', { open: { call: 'open', errno: -2 } }, /^\/dev\/kfd cannot be opened: there is none; .*--device/],
    ['no permission', { open: { call: 'open', errno: -13 } }, /: this user may not; it belongs to the group render$/],
    ['a 32-bit program', { open: { call: 'open', errno: -1 } }, /32-bit/],
    ['a reset', { open: { call: 'open', errno: -11 } }, /locked while a GPU is being reset/],
    ['another file', { open: { call: 'AMDKFD_IOC_GET_VERSION', errno: -25 } }, /is no KFD: .* ENOTTY$/],
    ['a later interface', { open: { handle, major: 2, minor: 0 } }, /version 2\.0 .* only 1\.x is known/],
    ['a second file of the process', { acquire: -16 }, /open the device once in a process$/],
    ['a graphics VM', { acquire: -22 }, /another kind before/],
    ['no retry faults', { acquire: -95 }, /amdgpu\.noretry=0 \(EOPNOTSUPP\)$/],
    ['anything else', { acquire: -12 }, /: ENOMEM$/],
  ])('says in one sentence what is wrong: %s', (_what, answers, sentence) => {
    const { log, addon, renderNode } = setUp(answers);
    expect(KfdConnection.open(addon, renderNode, { topology })).toMatch(sentence);
    expect(log.filter((line) => line === 'close')).toHaveLength(
      answers?.open === undefined || 'handle' in answers.open ? 1 : 0,
    );
  });

  it('says where the topology lacks the node, before KFD is opened', () => {
    const { log, addon, renderNode } = setUp();
    expect(KfdConnection.open(addon, { ...renderNode, renderMinor: 128 }, { topology })).toBe(
      "KFD's topology has no GPU with the render node renderD128",
    );
    expect(KfdConnection.open(addon, renderNode, { topology: '/nowhere' })).toMatch(/^no KFD topology: ENOENT/);
    expect(log).toEqual([]);
  });

  it('says which call kept a queue from being made', () => {
    const { addon, renderNode } = setUp();
    const connection = KfdConnection.open(addon, renderNode, { topology }) as KfdConnection;
    const message = expect.stringMatching(/CREATE_QUEUE failed with ENOMEM \(all SDMA queues/) as string;
    expect(() => connection.createPort()).toThrow(expect.objectContaining({ code: 'ERR_SVM_NOT_AVAILABLE', message }));
  });

  it('can be asked whether KFD may be used at all', () => {
    expect(kfdRefusal(setUp().addon)).toBe('');
    expect(kfdRefusal(setUp({ open: { call: 'open', errno: -13 } }).addon, '/tmp/kfd')).toMatch(/^\/tmp\/kfd cannot/);
  });
});
