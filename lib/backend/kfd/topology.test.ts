import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { gfxName, gpuOfRenderMinor, readKfdTopology } from './topology.ts';
import type { TopologyFiles } from './topology.ts';

const ROOT = '/topology';
/** Contents by path below `nodes/`; 'EPERM' is what a device cgroup answers. */
type Tree = Record<string, string>;

function filesOf(tree: Tree): TopologyFiles {
  return {
    list: (directory) => {
      if (directory !== `${ROOT}/nodes` || Object.keys(tree).length === 0) throw new Error('ENOENT: no such directory');
      return [...new Set(Object.keys(tree).map((path) => path.split('/')[0]!))];
    },
    read: (path) => {
      const text = tree[path.slice(`${ROOT}/nodes/`.length)];
      if (text === undefined) throw Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' });
      if (text === 'EPERM') throw Object.assign(new Error('EPERM: not permitted'), { code: 'EPERM' });
      return text;
    },
  };
}
const read = (tree: Tree) => readKfdTopology(ROOT, filesOf(tree));

const CPU = { gpu_id: '0\n', properties: 'cpu_cores_count 64\nsimd_count 0\ngfx_target_version 0\n' };
const gpu = (id: number, version: number, minor: number, fields: Record<string, number | bigint> = {}) => {
  const properties = {
    capability: 0x8a00_0000n | (1n << 27n),
    gfx_target_version: version,
    vendor_id: 4098,
    device_id: 29857,
    location_id: 0xc318,
    domain: 0,
    drm_render_minor: minor,
    num_sdma_engines: 2,
    num_sdma_xgmi_engines: 14,
    num_sdma_queues_per_engine: 8,
    unique_id: 0xfedc_ba98_7654_3210n,
    ...fields,
  };
  return {
    gpu_id: `${id}\n`,
    properties: Object.entries(properties)
      .map(([name, value]) => `${name} ${value}\n`)
      .join(''),
  };
};
const treeOf = (...nodes: { gpu_id: string; properties?: string }[]): Tree =>
  Object.fromEntries(
    nodes.flatMap((node, index) => Object.entries(node).map(([name, text]) => [`${index}/${name}`, text])),
  );

describe('the topology', () => {
  it.each([
    [90006, 'gfx906'],
    [90008, 'gfx908'],
    [90010, 'gfx90a'],
    [90402, 'gfx942'],
    [90500, 'gfx950'],
    [110501, 'gfx1151'],
    [120001, 'gfx1201'],
  ])('names version %i %s', (version, name) => expect(gfxName(version)).toBe(name));

  it('of an MI60 has one GPU, told by its render minor, with its PCI address', () => {
    const topology = read(treeOf(CPU, CPU, gpu(51234, 90006, 128, { location_id: 0x0300, domain: 1 })));
    expect(topology).toEqual({
      gpus: [
        {
          node: 2,
          gpuId: 51234,
          gfx: 'gfx906',
          renderMinor: 128,
          vendorId: 0x1002,
          deviceId: 29857,
          pciAddress: '0001:03:00.0',
          sdmaEngines: 2,
          sdmaQueuesPerEngine: 8,
          xccs: 1,
          hasKfdSvm: true,
        },
      ],
      hiddenNodes: [],
    });
  });

  it('of an MI300X in SPX mode has one GPU of eight dies, of an MI350X one', () => {
    expect(read(treeOf(CPU, gpu(1, 90402, 128, { num_xcc: 8 }))).gpus.map(({ xccs }) => xccs)).toEqual([8]);
    expect(read(treeOf(CPU, gpu(1, 90500, 128, { num_xcc: 8 }))).gpus.map(({ gfx }) => gfx)).toEqual(['gfx950']);
  });

  it('in CPX mode has one for each partition: one PCI address, eight minors', () => {
    const partitions = Array.from({ length: 8 }, (_, index) => gpu(100 + index, 90402, 128 + index, { num_xcc: 1 }));
    const topology = read(treeOf(CPU, ...partitions));
    expect(new Set(topology.gpus.map(({ pciAddress }) => pciAddress)).size).toBe(1);
    expect(gpuOfRenderMinor(topology, 133)).toMatchObject({ gpuId: 105, node: 6, xccs: 1 });
  });

  it('leaves out the nodes that the device cgroup hides, and says so where one of them is asked for', () => {
    const topology = read(treeOf(CPU, gpu(7, 90010, 128), { gpu_id: 'EPERM' }));
    expect([topology.gpus.length, topology.hiddenNodes]).toEqual([1, [2]]);
    expect(() => gpuOfRenderMinor(topology, 129)).toThrow(
      'KFD knows no GPU of renderD129; its GPUs: gfx90a at renderD128; nodes hidden from this process: 2',
    );
  });

  it('is sorted by number, not by name', () => {
    const tree = {
      ...treeOf(CPU, gpu(1, 90010, 128)),
      '10/gpu_id': '3\n',
      '10/properties': gpu(3, 90010, 130).properties,
    };
    expect(
      read({ ...tree, '9/gpu_id': '2\n', '9/properties': gpu(2, 90010, 129).properties }).gpus.map(({ node }) => node),
    ).toEqual([1, 9, 10]);
  });
});

describe('a topology that is not one', () => {
  const broken: [what: string, tree: Tree, message: RegExp][] = [
    ['nothing there', {}, /\/topology\/nodes: cannot be listed/],
    ['no gpu_id', { '0/properties': '' }, /nodes\/0\/gpu_id: cannot be read/],
    ['a GPU id in words', { '0/gpu_id': 'seven' }, /gpu_id: expected a GPU id, got "seven"/],
    ['a GPU id of 33 bits', { '0/gpu_id': '4294967296' }, /expected a GPU id/],
    [
      'a property that is missing',
      { '0/gpu_id': '7', '0/properties': 'capability 0\n' },
      /properties: has no location_id/,
    ],
    [
      'a line that is none',
      { '0/gpu_id': '7', '0/properties': 'capability 0\n<b>\n' },
      /line 2: expected "name value", got "<b>"/,
    ],
    ['a value out of range', treeOf(gpu(1, 90010, 128, { domain: 2n ** 32n })), /domain: expected at most 4294967295/],
    [
      'properties that may not be read',
      { '0/gpu_id': '7', '0/properties': 'EPERM' },
      /may not be read, though the node is not hidden/,
    ],
    [
      'two nodes of one render node',
      treeOf(gpu(1, 90010, 128), gpu(2, 90010, 128)),
      /nodes 0 and 1 both name render minor 128/,
    ],
  ];
  it.each(broken)('%s: one sentence with the file', (_, tree, message) => {
    expect(() => read(tree)).toThrow(
      expect.objectContaining({ code: 'ERR_SVM_KFD_TOPOLOGY', message: expect.stringMatching(message) }),
    );
  });

  it('whatever its files hold: GPUs, or ERR_SVM_KFD_TOPOLOGY in one line', () => {
    const whole = treeOf(CPU, gpu(7, 90402, 128), gpu(8, 90402, 129));
    const paths = Object.keys(whole);
    const mutation = fc.record({
      path: fc.constantFrom(...paths),
      at: fc.nat(400),
      cut: fc.nat(20),
      put: fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom('\0', '\n', '-1', '99999999999999999999', 'EPERM')),
    });
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        const tree = { ...whole };
        for (const { path, at, cut, put } of mutations)
          tree[path] = tree[path]!.slice(0, at) + put + tree[path]!.slice(at + cut);
        try {
          for (const { gpuId, renderMinor } of read(tree).gpus)
            expect(Number.isSafeInteger(gpuId) && Number.isSafeInteger(renderMinor)).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_SVM_KFD_TOPOLOGY' });
          expect((error as Error).message).not.toMatch(/[\n\0]/);
        }
      }),
      { numRuns: 500 },
    );
  });
});
