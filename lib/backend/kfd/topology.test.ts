import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { KFD_TOPOLOGY, readKfdTopology } from './topology.ts';
import { temporaryFolder } from '../../../test/support/after-file.ts';

const folder = temporaryFolder();
let trees = 0;

interface FakeNode {
  readonly gpuId: string;
  readonly properties?: Readonly<Record<string, number | string>>;
}

function tree(nodes: Readonly<Record<number, FakeNode>>): string {
  const directory = path.join(folder, `topology${trees++}`);
  fs.mkdirSync(path.join(directory, 'nodes'), { recursive: true });
  for (const [number, { gpuId, properties = {} }] of Object.entries(nodes)) {
    const node = path.join(directory, 'nodes', number);
    fs.mkdirSync(node);
    fs.writeFileSync(path.join(node, 'gpu_id'), `${gpuId}\n`);
    const lines = Object.entries(properties).map(([name, value]) => `${name} ${value}\n`);
    fs.writeFileSync(path.join(node, 'properties'), lines.join(''));
  }
  return directory;
}

const CPU: FakeNode = { gpuId: '0', properties: { cpu_cores_count: 96, drm_render_minor: 0 } };
const gpu = (version: number, minor: number, more: Readonly<Record<string, number | string>> = {}): FakeNode => ({
  gpuId: String(40_000 + minor),
  properties: {
    simd_count: 1216,
    gfx_target_version: version,
    vendor_id: 4098,
    device_id: 29_857,
    location_id: 0xc100,
    domain: 0,
    drm_render_minor: minor,
    unique_id: '18446744073709551615',
    num_sdma_engines: 2,
    num_sdma_xgmi_engines: 14,
    num_sdma_queues_per_engine: 8,
    num_xcc: 8,
    ...more,
  },
});

describe('the topology of KFD', () => {
  it.each([
    ['gfx906', 90_006],
    ['gfx908', 90_008],
    ['gfx90a', 90_010],
    ['gfx942', 90_402],
    ['gfx950', 90_500],
    ['gfx1030', 100_300],
    ['gfx1201', 120_001],
  ])('names %s', (gfx, version) => {
    expect(readKfdTopology(tree({ 0: CPU, 1: gpu(version, 128) })).gpus.map((each) => each.gfx)).toEqual([gfx]);
  });

  it('says all of a GPU: MI300X as one (SPX)', () => {
    expect(readKfdTopology(tree({ 0: CPU, 1: CPU, 2: gpu(90_402, 128, { domain: 1, location_id: 0xc1_09 }) }))).toEqual(
      {
        gpus: [
          {
            node: 2,
            gpuId: 40_128,
            gfx: 'gfx942',
            renderMinor: 128,
            pci: '0001:c1:01.1',
            deviceId: 0x74a1,
            xccs: 8,
            sdmaEngines: 2,
            sdmaXgmiEngines: 14,
            sdmaQueuesPerEngine: 8,
            hostAtomics: 'none',
          },
        ],
        leftOut: [],
        reason: '',
      },
    );
  });

  it('has each partition (CPX) with its own render node, in the order of the nodes', () => {
    const nodes: Record<number, FakeNode> = { 0: CPU };
    for (let part = 0; part < 8; part++) nodes[1 + part * 2] = gpu(90_402, 128 + part, { num_xcc: 1 });
    const { gpus } = readKfdTopology(tree(nodes));
    expect(gpus.map(({ node, renderMinor, xccs, pci }) => [node, renderMinor, xccs, pci])).toEqual(
      Array.from({ length: 8 }, (_, part) => [1 + part * 2, 128 + part, 1, '0000:c1:00.0']),
    );
  });

  it('leaves out what it may not see, and says so', () => {
    const directory = tree({ 0: CPU, 1: gpu(90_402, 128), 2: gpu(90_402, 129), 3: gpu(90_402, 130) });
    const { gpus, leftOut } = readKfdTopology(directory, (file) => {
      if (file.endsWith('nodes/2/gpu_id')) throw new Error(`EPERM: operation not permitted, open '${file}'`);
      return fs.readFileSync(file, 'latin1');
    });
    expect(gpus.map(({ renderMinor }) => renderMinor)).toEqual([128, 130]);
    expect(leftOut).toEqual([{ node: 2, reason: expect.stringMatching(/^EPERM/) }]);
  });

  it('keeps nothing of a node that makes no sense', () => {
    const directory = tree({
      1: { gpuId: 'nonsense' },
      2: { gpuId: '7', properties: { gfx_target_version: 90_402 } },
      3: { gpuId: '8', properties: { ...gpu(90_402, 128).properties, location_id: '99999999999999999999' } },
      4: { gpuId: '' },
    });
    fs.mkdirSync(path.join(directory, 'nodes', '5'));
    fs.mkdirSync(path.join(directory, 'nodes', 'power'));
    const { gpus, leftOut } = readKfdTopology(directory);
    expect(gpus).toEqual([]);
    expect(leftOut.map(({ node, reason }) => `${node} ${reason}`)).toEqual([
      expect.stringMatching(/^1 gpu_id is "nonsense", no number$/),
      expect.stringMatching(/^2 its properties lack drm_render_minor, location_id, device_id$/),
      expect.stringMatching(/^3 its properties lack location_id$/),
      expect.stringMatching(/^4 gpu_id is "", no number$/),
      expect.stringMatching(/^5 ENOENT/),
    ]);
  });

  it.each([
    ['PCIe', { type: 2, flags: 1 }, 'pcie'],
    ['xGMI', { type: 11, flags: 1 }, 'all'],
    ['PCIe whose bridges let no atomics pass', { type: 2, flags: 1 | (1 << 3) }, 'none'],
    ['a link that says nothing', { type: 11 }, 'none'],
  ])('says which atomic operations reach the CPU over %s', (_what, link, expected) => {
    const directory = tree({ 0: CPU, 1: gpu(90_402, 128) });
    // One link to another GPU, which does not count, and one to the CPU.
    for (const [name, properties] of [
      ['0', { type: 11, node_from: 1, node_to: 2, flags: 1 }],
      ['1', { node_from: 1, node_to: 0, ...link }],
    ] as const) {
      const folder = path.join(directory, 'nodes/1/io_links', name);
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(
        path.join(folder, 'properties'),
        Object.entries(properties)
          .map(([key, value]) => `${key} ${value}\n`)
          .join(''),
      );
    }
    expect(readKfdTopology(directory).gpus[0]!.hostAtomics).toBe(expected);
  });

  it('survives any bytes', () => {
    let state = 7;
    const random = (below: number): number => (state = (state * 48_271) % 0x7fff_ffff) % below;
    const text = [...fs.readFileSync(path.join(tree({ 1: gpu(90_402, 128) }), 'nodes/1/properties'), 'latin1')];
    for (let round = 0; round < 2000; round++) {
      const mutated = [...text];
      for (let change = 0; change < 5; change++) mutated[random(mutated.length)] = String.fromCharCode(random(256));
      const directory = path.join(folder, 'topology0');
      const topology = readKfdTopology(directory, (file) => (file.endsWith('gpu_id') ? '5' : mutated.join('')));
      for (const { pci, renderMinor } of topology.gpus) {
        expect(pci).toMatch(/^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/);
        expect(Number.isSafeInteger(renderMinor)).toBe(true);
      }
    }
  });

  it('may be absent', () => {
    expect(readKfdTopology(path.join(folder, 'none'))).toEqual({
      gpus: [],
      leftOut: [],
      reason: expect.stringMatching(/^no KFD topology: ENOENT/),
    });
    expect(KFD_TOPOLOGY).toMatch(/^\/sys\//);
  });
});
