/** Device files, sysfs, a symbol table and an addon of a kernel that is not there: a temporary tree, nothing global. */
import fs from 'node:fs';
import path from 'node:path';
import type { DriverVersion, NativeAddon } from '../../lib/backend/native-addon.ts';
import type { RenderNodeSearch } from '../../lib/backend/render-nodes.ts';
import type { DeviceHandle } from '../../native/native.d.ts';

/** One device file of the tree. */
export interface FakeNode {
  /** Name in its `dri` folder. */
  readonly name: string;
  /** Device number; undefined for a file that is no device. */
  readonly device?: readonly [major: number, minor: number];
  /** What sysfs says the device is called, and its driver; undefined where sysfs does not know the device. */
  readonly sysfs?: { readonly name: string; readonly driver: string };
  /** The answer to DRM_IOCTL_VERSION, or a negative errno. */
  readonly driver: string | number;
  readonly description?: string;
  /** The negative errno of open(2). */
  readonly openErrno?: number;
}

/** A device number as fstat(2) gives it. */
function deviceNumber(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return ((high & 0xfffn) << 8n) | ((high & 0xffff_f000n) << 32n) | (low & 0xffn) | ((low & 0xffff_ff00n) << 12n);
}

/** A render node of amdgpu as hardware has it. */
export function amdgpuNode(minor: number): FakeNode {
  const name = `renderD${minor}`;
  return { name, device: [226, minor], sysfs: { name, driver: 'amdgpu' }, driver: 'amdgpu' };
}

export class FakeKernel {
  readonly search: RenderNodeSearch & { readonly directory: string; readonly sysfs: string; readonly symbols: string };
  /** Requests of the ioctls that were issued, except for DRM_IOCTL_VERSION. */
  readonly requests: number[] = [];
  /** How often DRM_IOCTL_VERSION was issued. */
  versions = 0;
  /** Files that are open. */
  open = 0;

  /** `symbols`: names in the symbol table; undefined for no table. */
  constructor(
    root: string,
    nodes: readonly FakeNode[],
    { symbols, noretry }: { readonly symbols?: readonly string[]; readonly noretry?: string } = {},
  ) {
    const directory = path.join(root, 'dev', 'dri');
    const sysfs = path.join(root, 'sys');
    const table = path.join(root, 'kallsyms');
    fs.mkdirSync(directory, { recursive: true });
    fs.mkdirSync(path.join(sysfs, 'dev', 'char'), { recursive: true });
    for (const node of nodes) {
      fs.writeFileSync(path.join(directory, node.name), '');
      if (node.device !== undefined && node.sysfs !== undefined) addToSysfs(sysfs, node.device, node.sysfs);
    }
    if (noretry !== undefined) {
      const parameters = path.join(sysfs, 'module', 'amdgpu', 'parameters');
      fs.mkdirSync(parameters, { recursive: true });
      fs.writeFileSync(path.join(parameters, 'noretry'), `${noretry}\n`);
    }
    if (symbols !== undefined)
      fs.writeFileSync(table, symbols.map((name) => `0000000000000000 t ${name}\t[amdgpu]\n`).join(''));
    const known = new Map(nodes.map((node) => [path.join(fs.realpathSync(directory), node.name), node]));
    this.search = {
      directory,
      sysfs,
      symbols: table,
      addon: this.#addon(known),
      stat: (descriptor) => {
        const node = known.get(fs.readlinkSync(`/proc/self/fd/${descriptor}`));
        const [major, minor] = node?.device ?? [0, 0];
        return { isCharacterDevice: () => node?.device !== undefined, rdev: deviceNumber(major, minor) };
      },
    };
  }

  #addon(known: ReadonlyMap<string, FakeNode>): NativeAddon {
    const descriptors = new Map<DeviceHandle, number>();
    const handleOf = (descriptor: number): DeviceHandle => {
      const handle = {
        ioctl: (request: number) => {
          this.requests.push(request);
          return 0;
        },
      } as unknown as DeviceHandle;
      descriptors.set(handle, descriptor);
      this.open++;
      return handle;
    };
    const nodeOf = (handle: DeviceHandle): FakeNode =>
      known.get(fs.readlinkSync(`/proc/self/fd/${descriptors.get(handle)!}`))!;
    const addon: Partial<NativeAddon> = {
      open: (name) => {
        const node = known.get(fs.realpathSync(name));
        return node?.openErrno ?? handleOf(fs.openSync(name, 'r+'));
      },
      adopt: (descriptor) => handleOf(fs.openSync(`/proc/self/fd/${descriptor}`, 'r+')),
      descriptor: (handle) => descriptors.get(handle) ?? -9,
      close: (handle) => {
        fs.closeSync(descriptors.get(handle)!);
        descriptors.delete(handle);
        this.open--;
        return 0;
      },
      driverVersion: (handle) => {
        this.versions++;
        const { driver, description = 'AMD GPU' } = nodeOf(handle);
        return typeof driver === 'number' ? driver : driverNamed(driver, description);
      },
    };
    return addon as NativeAddon;
  }
}

/** As `DRM_IOCTL_VERSION` of such a driver answers. */
export function driverNamed(name: string, description = 'AMD GPU'): DriverVersion {
  return { name, date: '', description, major: 3, minor: 64, patchlevel: 0 };
}

/** `dev/char/226:128` is a link to the device, whose `device/driver` is a link to the driver. */
function addToSysfs(
  sysfs: string,
  [major, minor]: readonly [number, number],
  { name, driver }: { readonly name: string; readonly driver: string },
): void {
  const card = path.join(sysfs, 'devices', `pci0000:${minor}`);
  const drivers = path.join(sysfs, 'bus', 'pci', 'drivers', driver);
  fs.mkdirSync(path.join(card, 'drm', name), { recursive: true });
  fs.mkdirSync(drivers, { recursive: true });
  fs.symlinkSync(drivers, path.join(card, 'driver'));
  fs.symlinkSync(card, path.join(card, 'drm', name, 'device'));
  fs.symlinkSync(path.join(card, 'drm', name), path.join(sysfs, 'dev', 'char', `${major}:${minor}`));
}
