import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/after-file.ts';
import { amdgpuNode, FakeKernel } from '../../test/support/fake-kernel.ts';
import type { FakeNode } from '../../test/support/fake-kernel.ts';
import { errorOf } from '../../test/support/native-helpers.ts';
import { UAPI_PROFILES } from '../uapi/profile.ts';
import type { UapiProfileName } from '../uapi/profile.ts';
import { adoptBackend, chooseBackend } from './choose.ts';
import type { Backend } from './backend.ts';
import type { OpenOptions } from './open-options.ts';

const folder = temporaryFolder();
let trees = 0;

const V4 = ['amdgpu_gem_va_ioctl', 'amdgpu_gem_svm_ioctl', 'amdgpu_svm_attr_clear_pages'];
const V7 = ['amdgpu_gem_svm_ioctl', 'amdgpu_svm_attr_reset'];
const V8 = [...V7, 'amdgpu_svm_range_migrate_to_vram'];
const XNACK_OFF = [...V7, 'amdgpu_svm_quiesce_compute'];

function kernel(
  nodes: readonly FakeNode[] = [amdgpuNode(128)],
  more: { readonly symbols?: readonly string[]; readonly noretry?: string } = { symbols: V4 },
): FakeKernel {
  return new FakeKernel(path.join(folder, `tree${trees++}`), nodes, more);
}

const UNAVAILABLE = 'ERR_SVM_BACKEND_UNAVAILABLE';

/** Opens, closes again, and says which profile was taken. */
function profileOf(machine: FakeKernel, options: OpenOptions = {}): string {
  const backend = chooseBackend({ backend: 'kernel', ...options }, undefined, machine.search);
  expect(backend.kind).toBe('kernel');
  backend.close();
  expect(machine.open).toBe(0);
  return backend.profile.name;
}

/** The refusal; nothing was sent and nothing stays open. */
function refusalOf(machine: FakeKernel, options: OpenOptions = {}): string {
  const open = (): Backend => chooseBackend({ backend: 'kernel', ...options }, undefined, machine.search);
  const error = errorOf(open);
  expect(error['code']).toBe(UNAVAILABLE);
  expect(machine.requests).toEqual([]);
  expect(machine.open).toBe(0);
  return error.message;
}

describe('the revision of a kernel backend', () => {
  it.each([
    ['v4', V4, 0x1a],
    ['v7', V7, 0x1a],
    ['v8', V8, 0x1b],
    ['v7-xnack-off', XNACK_OFF, 0x1a],
  ] as const)('%s follows the symbols, and the ioctl number with it', (name, symbols, command) => {
    const machine = kernel(undefined, { symbols });
    expect(profileOf(machine)).toBe(name);
    expect(profileOf(machine, { profile: name })).toBe(name);
    expect(UAPI_PROFILES[name].command).toBe(command);
  });

  it.each([
    ['v4', 'v8', V8],
    ['v8', 'v4', V4],
    ['v7', 'v8', V8],
    ['v8', 'v7', V7],
  ] as const)('refuses profile %s on a kernel that has %s, naming both', (profile, found, symbols) => {
    const machine = kernel(undefined, { symbols });
    const { directory } = machine.search;
    const said = `the profile is to be ${profile}, but the kernel has revision ${found}: amdgpu_gem_svm_ioctl, `;
    expect(refusalOf(machine, { profile })).toContain(said);
    expect(refusalOf(machine, { profile, node: path.join(directory, 'renderD128') })).toContain(said);
    const fallen = chooseBackend({ backend: 'auto', profile }, undefined, machine.search);
    expect([fallen.kind, fallen.profile.name]).toEqual(['emulated', profile]);
    expect(fallen.fallbackReason).toContain(said);
    fallen.close();
  });

  it('refuses an unknown mix, whatever profile is named', () => {
    const machine = kernel(undefined, { symbols: [...V4, 'amdgpu_svm_attr_reset'] });
    for (const profile of [undefined, ...Object.keys(UAPI_PROFILES)] as (UapiProfileName | undefined)[]) {
      const refusal = refusalOf(machine, profile === undefined ? {} : { profile });
      expect(refusal).toContain(
        'no revision that is known: it has amdgpu_gem_svm_ioctl, amdgpu_svm_attr_clear_pages, amdgpu_svm_attr_reset, and not',
      );
    }
  });

  it('has to be named where the symbols cannot be read', () => {
    const machine = kernel(undefined, {});
    expect(refusalOf(machine)).toMatch(/ENOENT.*kallsyms'; say which profile it is$/);
    expect(refusalOf(machine, { node: path.join(machine.search.directory, 'renderD128') })).toMatch(
      /say which profile/,
    );
    expect(profileOf(machine, { profile: 'v8' })).toBe('v8');
  });

  it('is that of the server on a served node', () => {
    const served = { name: 'renderD128', driver: 'amdgpu', description: 'AMD GPU (emulated, revision v7)' };
    const machine = kernel([served], {});
    expect(profileOf(machine)).toBe('v7');
    expect(refusalOf(machine, { profile: 'v4' })).toMatch(/to be v4, but it is served with revision v7$/);
    const newer = kernel([{ ...served, description: 'AMD GPU (emulated, revision v99)' }], {});
    expect(refusalOf(newer, { profile: 'v4' })).toMatch(/served with revision v99, which is not known here$/);
    const silent = kernel([{ ...served, description: 'AMD GPU' }], { symbols: V8 });
    expect(refusalOf(silent)).toMatch(/no device, and its driver tells no revision; say which profile it is$/);
    expect(profileOf(silent, { profile: 'v4' })).toBe('v4');
  });
});

describe('what is a render node of amdgpu', () => {
  const tree = kernel(
    [
      amdgpuNode(128),
      { ...amdgpuNode(129), sysfs: { name: 'renderD129', driver: 'i915' } },
      { ...amdgpuNode(130), driver: 'xe', sysfs: { name: 'renderD130', driver: 'amdgpu' } },
      { name: 'card0', device: [226, 0], sysfs: { name: 'card0', driver: 'amdgpu' }, driver: 'amdgpu' },
      { name: 'null', device: [1, 3], driver: 'amdgpu' },
      { name: 'hidden', device: [226, 131], driver: 'amdgpu' },
      { name: 'file', driver: -25 },
      { name: 'far', device: [226, 0x12345], sysfs: { name: 'renderD74565', driver: 'amdgpu' }, driver: 'amdgpu' },
    ],
    { symbols: V8, noretry: '-1' },
  );
  const { directory } = tree.search;
  const at = (name: string): string => path.join(directory, name);

  /** The same file by five names. */
  function spellings(name: string): string[] {
    const links = path.join(directory, 'by-path');
    fs.mkdirSync(links, { recursive: true });
    const link = path.join(links, `pci-0000:03:00.0-${name}`);
    const again = `${link}-again`;
    fs.rmSync(link, { force: true });
    fs.rmSync(again, { force: true });
    fs.symlinkSync(`../${name}`, link);
    fs.symlinkSync(link, again);
    return [
      at(name),
      `${directory}//${name}`,
      `${directory}/./${name}`,
      link,
      again,
      path.relative(process.cwd(), at(name)),
    ];
  }

  it.each([
    ['renderD128', ''],
    ['renderD129', /the driver of device 226:129 is i915$/],
    ['renderD130', /the driver is xe$/],
    ['card0', /device 226:0 is card0$/],
    ['null', /it is device 1:3, and DRM devices have the major number 226$/],
    ['hidden', ''],
    ['file', /ENOTTY: .*DRM_IOCTL_VERSION/],
    ['far', ''],
  ])('%s has one answer, however its path is spelt', (name, refusal) => {
    for (const node of spellings(name)) {
      if (refusal === '') expect(profileOf(tree, { node }), node).toBe('v8');
      else expect(refusalOf(tree, { node, profile: 'v8' }), node).toMatch(refusal);
    }
  });

  it('is not even asked for its driver where its number belongs to something else', () => {
    const before = tree.versions;
    refusalOf(tree, { node: at('null') });
    refusalOf(tree, { node: at('renderD129') });
    expect(tree.versions).toBe(before);
  });

  it('may be open already', () => {
    const descriptor = fs.openSync(at('renderD128'), 'r+');
    const backend = adoptBackend(descriptor, {}, undefined, tree.search);
    expect([backend.profile.name, backend.node.path]).toEqual(['v8', at('renderD128')]);
    backend.close();
    // Still the other one's.
    expect(fs.fstatSync(descriptor).isFile()).toBe(true);
    fs.closeSync(descriptor);
    const card = fs.openSync(at('card0'), 'r+');
    expect(errorOf(() => adoptBackend(card, {}, undefined, tree.search)).message).toMatch(/226:0 is card0/);
    fs.closeSync(card);
    expect(tree.open).toBe(0);
  });
});

describe('whether the GPU has retry faults', () => {
  const GFX942 = 90_402;

  /** KFD's topology with one GPU behind renderD128. */
  function topologyOf(version: number): string {
    const topology = path.join(temporaryFolder(), 'topology');
    const node = path.join(topology, 'nodes', '1');
    fs.mkdirSync(node, { recursive: true });
    fs.writeFileSync(path.join(node, 'gpu_id'), '4711\n');
    const properties = { gfx_target_version: version, drm_render_minor: 128, location_id: 0, device_id: 1 };
    const lines = Object.entries(properties).map(([name, value]) => `${name} ${value}\n`);
    fs.writeFileSync(path.join(node, 'properties'), lines.join(''));
    return topology;
  }

  it.each([
    ['v8', V8, GFX942, '0', true, false],
    ['v8', V8, GFX942, '1', false, true],
    // Unknown: who answers has them, since v8 makes no context without.
    ['v8', V8, GFX942, '-1', true, undefined],
    ['v4', V4, GFX942, '1', true, false],
    ['v4', V4, 90_006, '1', false, true],
    ['v7-xnack-off', XNACK_OFF, 100_300, '0', false, false],
    ['v7-xnack-off', XNACK_OFF, GFX942, '1', true, false],
    ['v7-xnack-off', XNACK_OFF, 90_006, '-1', undefined, undefined],
  ] as const)('%s: is told by the topology and the parameter', (profile, symbols, version, noretry, xnack, off) => {
    const machine = kernel(undefined, { symbols, noretry });
    const options = { backend: 'kernel', topology: topologyOf(version), kfd: 'none' } as const;
    const backend = chooseBackend(options, undefined, machine.search);
    expect([backend.profile.name, backend.abilities.xnack, backend.abilities.switchedOffByNoretry]).toEqual([
      profile,
      xnack,
      off,
    ]);
    backend.close();
  });
});

describe('the remedy of a refused call', () => {
  it.each([
    ['0', false],
    ['1', undefined],
    ['-1', undefined],
    ['?', undefined],
  ])('depends on amdgpu.noretry=%s', (noretry, off) => {
    const machine = kernel(undefined, { symbols: V8, noretry });
    const backend = chooseBackend({ backend: 'kernel' }, undefined, machine.search);
    expect(backend.abilities.switchedOffByNoretry).toBe(off);
    backend.close();
  });
});
