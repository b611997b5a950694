/**
 * The only loader of the addon. A machine without it is not an error: the emulator
 * answers there, and `nativeSupport` says what was tried and why it failed.
 */
import nodeModule from 'node:module';
import { existsSync, readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import type { DriverVersion, NativeAddon } from '../../native/native.d.ts';
import { DRM_IOCTL_VERSION, STRUCT_LAYOUTS } from '../uapi/index.ts';
import { packageRoot } from './package-root.ts';

export type { DriverVersion, NativeAddon };

/** One file the loader looked at. */
export interface TriedAddon {
  /** Absolute path of the file, or a pattern where a folder holds none that suits. */
  readonly path: string;
  /** 'loaded', 'not found', or why the file could not be used. */
  readonly outcome: string;
}

/** Whether the kernel backend can work in this process. It does not say that there is a device. */
export interface NativeSupport {
  readonly available: boolean;
  /** One sentence: where the addon is from, or why there is none. */
  readonly reason: string;
  /** Everything that was looked at, in order; the last one was loaded when `available`. */
  readonly tried: readonly TriedAddon[];
  /** File of the loaded addon. */
  readonly path?: string;
}

/** Where to look; every field has the value of this process and package by default. */
export interface AddonSearch {
  /** Folder of the package.json of `amdgpu-svm`. */
  readonly root?: string;
  /** Of it, only `AMDGPU_SVM_ADDON` is read: path of the one file to use. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly platform?: string;
  readonly architecture?: string;
  readonly libc?: 'glibc' | 'musl';
}

const FUNCTIONS = [
  'open',
  'adopt',
  'descriptor',
  'close',
  'ioctlAsync',
  'prepareIoctl',
  'driverVersion',
  'mapMemory',
  'viewMemory',
  'unmapMemory',
  'protectMemory',
  'discardMemory',
  'lockMemory',
  'moveMemory',
  'readMemory',
  'writeMemory',
  'kfdOpen',
  'kfdAcquire',
  'kfdSetXnack',
  'kfdClose',
  'kfdCreateQueue',
  'kfdFetched',
  'kfdFenced',
  'kfdSubmit',
  'kfdWait',
  'kfdEvent',
  'kfdCloseQueue',
  'layout',
] as const satisfies readonly (keyof NativeAddon)[];

/** Parts of a file name that are no requirement for a Node-API addon. */
const NEUTRAL_TAGS = new Set(['napi', 'node', 'amdgpu-svm', 'amdgpu_svm']);

const LIBCS: readonly string[] = ['glibc', 'musl'];

/** Searches and loads. Never throws, never caches; `nativeSupport` and `nativeAddon` do cache. */
export function findNativeAddon(search: AddonSearch = {}): { support: NativeSupport; addon?: NativeAddon } {
  const tried: TriedAddon[] = [];
  const unavailable = (reason: string) => ({ support: { available: false, reason, tried } });
  const platform = search.platform ?? process.platform;
  if (platform !== 'linux') return unavailable(`the addon is for Linux, this is ${platform}`);

  const override = (search.environment ?? process.env)['AMDGPU_SVM_ADDON'];
  let candidates: string[];
  if (override) {
    // Who names a file wants that one: another one in its place would be a surprise.
    candidates = [resolve(override)];
  } else {
    const root = search.root ?? packageRoot();
    if (root === undefined)
      return unavailable(
        'the folder of the package amdgpu-svm was not found; a bundle has to leave amdgpu-svm external, or AMDGPU_SVM_ADDON to name the file of the addon',
      );
    candidates = [
      ...prebuilds(root, search),
      join(root, 'build', 'Release', 'amdgpu_svm.node'),
      join(root, 'build', 'Debug', 'amdgpu_svm.node'),
    ];
  }

  for (const path of candidates) {
    const result = loadAddon(path);
    tried.push({ path, outcome: typeof result === 'string' ? result : 'loaded' });
    if (typeof result !== 'string') {
      const reason = `the addon was loaded from ${path}`;
      return { support: { available: true, reason, tried, path }, addon: result };
    }
  }
  const origin = override ? 'AMDGPU_SVM_ADDON: the addon could not be loaded' : 'no addon could be loaded';
  const looked = tried.map(({ path, outcome }) => `${path} (${outcome})`).join(', ');
  // Where a file is there and does not load, a compiler is not what is missing.
  const isThere = tried.some(({ outcome }) => outcome.startsWith('could not be loaded'));
  return unavailable(`${origin}; tried ${looked}${override || isThere ? '' : '; `npx amdgpu-svm build` compiles it'}`);
}

let found: ReturnType<typeof findNativeAddon> | undefined;

/**
 * Whether this process has the addon that reaches a render node. Never throws.
 * The search is done once; later calls give the same answer.
 */
export function nativeSupport(): NativeSupport {
  found ??= findNativeAddon();
  return found.support;
}

/** The addon; throws an `Error` with code `ERR_SVM_NO_ADDON` and the reason of `nativeSupport` when there is none. */
export function nativeAddon(): NativeAddon {
  found ??= findNativeAddon();
  if (found.addon) return found.addon;
  throw Object.assign(new Error(found.support.reason), { code: 'ERR_SVM_NO_ADDON', tried: found.support.tried });
}

/** What `systemError` adds to an error. */
export interface SystemErrorDetails {
  readonly path?: string;
  /** First address the system refused. */
  readonly address?: bigint;
  /** Last part of the message. */
  readonly note?: string;
}

/** A refusal of the system, in the manner of Node. */
export interface SystemError extends Error, SystemErrorDetails {
  /** 'ENOENT', ... */
  readonly code: string;
  /** Negative number. */
  readonly errno: number;
  readonly syscall: string;
}

/** The error for a negative errno: "ENOENT: no such file or directory, open '/dev/dri/renderD128'". */
export function systemError(errno: number, syscall: string, details: SystemErrorDetails = {}): SystemError {
  const [code, text] = getSystemErrorMap().get(errno) ?? [errnoName(errno), 'refused by the system'];
  let message = `${code}: ${text}, ${syscall}`;
  if (details.path !== undefined) message += ` '${details.path}'`;
  if (details.address !== undefined) message += ` 0x${details.address.toString(16)}`;
  if (details.note !== undefined) message += ` (${details.note})`;
  return Object.assign(new Error(message), { code, errno, syscall, ...details });
}

/** libuv's table, which Node shows, has the common half of the errnos only. */
function errnoName(errno: number): string {
  const entry = Object.entries(constants.errno).find(([, number]) => number === -errno);
  return entry ? entry[0] : `ERRNO_${-errno}`;
}

/** Files in the layout of prebuildify that suit this machine: `prebuilds/linux-x64/<name>.<tags>.node`. */
function prebuilds(root: string, search: AddonSearch): string[] {
  const folder = join(root, 'prebuilds', `linux-${search.architecture ?? process.arch}`);
  let names: string[] = [];
  try {
    names = readdirSync(folder).filter((name) => name.endsWith('.node'));
  } catch {
    // Not there: the pattern below says where one would have been.
  }
  if (names.length === 0) return [join(folder, '*.node')];
  const libc = search.libc ?? runningLibc();
  const suits = (name: string) =>
    name
      .split('.')
      .slice(0, -1)
      .every((tag) => NEUTRAL_TAGS.has(tag) || (libc === undefined ? LIBCS.includes(tag) : tag === libc));
  const suitable = names.filter(suits).sort();
  return suitable.length === 0 ? [join(folder, `*.${libc ?? '*'}.node`)] : suitable.map((name) => join(folder, name));
}

/** Undefined: it cannot be told, since Deno lets nobody ask without `--allow-sys`. The other library's binary does not load. */
function runningLibc(): 'glibc' | 'musl' | undefined {
  const report = process.report as { excludeNetwork?: boolean; getReport(): object } | undefined;
  if (report === undefined) return 'glibc'; // not Node itself; by far the more likely one
  const before = report.excludeNetwork;
  // Without this a report looks up host names, which may take seconds.
  report.excludeNetwork = true;
  try {
    const { header } = report.getReport() as { header?: { glibcVersionRuntime?: string } };
    return header?.glibcVersionRuntime ? 'glibc' : 'musl';
  } catch {
    return undefined;
  } finally {
    report.excludeNetwork = before ?? false;
  }
}

/** The addon in that file, or why it can't be used. */
function loadAddon(path: string): NativeAddon | string {
  if (!existsSync(path)) return 'not found';
  try {
    // Bundlers warn of `createRequire` by its name, where they do not know the path.
    const addon: unknown = nodeModule.createRequire(path)(path);
    return mismatch(addon) ?? (addon as NativeAddon);
  } catch (error) {
    return `could not be loaded: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Why `addon` is not the addon of these sources: a build left over from another revision must not reach the kernel. */
function mismatch(addon: unknown): string | undefined {
  if (typeof addon !== 'object' || addon === null) return 'is not the addon amdgpu_svm';
  const missing = FUNCTIONS.filter((name) => typeof (addon as Record<string, unknown>)[name] !== 'function');
  if (missing.length > 0) return `is another version of the addon: it lacks ${missing.join(', ')}`;
  const unknown = Object.keys(addon).filter((name) => !(FUNCTIONS as readonly string[]).includes(name));
  if (unknown.length > 0) return `is another version of the addon: it has ${unknown.join(', ')}`;
  const { structs, requests } = (addon as NativeAddon).layout();
  const expected = { DRM_IOCTL_VERSION };
  if (fingerprint(structs) !== fingerprint(STRUCT_LAYOUTS) || fingerprint(requests) !== fingerprint(expected)) {
    return 'is another version of the addon: its structure layouts are not those of lib/uapi/layout.ts';
  }
  return undefined;
}

/** JSON with the keys in order. */
function fingerprint(value: object): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'object' && item !== null
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
