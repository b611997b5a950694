/**
 * What an open file is: a render node of amdgpu, a served one, or something that must not get the ioctl. It is the file
 * that is asked, by its device number, and not the spelling of its path: `/dev/dri//renderD128`, a link of
 * /dev/dri/by-path and a relative path get the same answer.
 */
import { fstatSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isProfileName, uapiProfile } from '../uapi/profile.ts';
import type { RevisionName, UapiProfile, UapiProfileName } from '../uapi/profile.ts';
import { SAY_PROFILE, scanKernelRevision } from './kernel-revision.ts';
import type { KernelRevisionScan, SvmPresence } from './kernel-revision.ts';
import { systemError } from './native-addon.ts';
import type { DriverVersion } from './native-addon.ts';

/** Where the kernel is asked about itself; the defaults are those of Linux. */
export interface KernelSurroundings {
  /** The kernel's symbol table, '/proc/kallsyms'. */
  readonly symbols?: string;
  /** '/sys'. */
  readonly sysfs?: string;
  /** fstat(2). */
  readonly stat?: (descriptor: number) => FileStatus;
}

/** What is asked of fstat(2). */
interface FileStatus {
  isCharacterDevice(): boolean;
  /** As glibc and the kernel encode it. */
  readonly rdev: bigint;
}

/** An open device file. */
export interface InspectedNode {
  readonly path: string;
  /** Number of its descriptor. */
  readonly fd: number;
  driverVersion(): DriverVersion | number;
}

/** What is known of a render node. */
export interface RenderNode {
  /** '/dev/dri/renderD128' */
  readonly path: string;
  /** Identity of the driver; undefined when the node could not be asked. */
  readonly driver: DriverVersion | undefined;
  readonly svm: SvmPresence;
  /** The revision of the driver, if `svm` is 'present'. */
  readonly revision: RevisionName | undefined;
  /** Module parameter amdgpu.noretry: 0, 1, or -1 for the driver's own choice. Undefined where it can't be read. */
  readonly noretry: number | undefined;
  /** One sentence: how `svm` is known, or why it isn't there. */
  readonly reason: string;
}

const DRM_MAJOR = 226n;
const SERVED_DESCRIPTION = /^AMD GPU \(emulated, revision (\S+)\)$/;

/** Looks at an open file. Issues DRM_IOCTL_VERSION on a DRM device or a file that is no device, and no other ioctl. Never throws. */
export function inspectNode(
  node: InspectedNode,
  surroundings: KernelSurroundings,
  scan: () => KernelRevisionScan = () => scanKernelRevision(surroundings.symbols),
): RenderNode {
  const { path } = node;
  const answer = (svm: SvmPresence, reason: string, more: Partial<RenderNode> = {}): RenderNode => ({
    path,
    driver: undefined,
    revision: undefined,
    noretry: undefined,
    ...more,
    svm,
    reason,
  });
  let status: FileStatus;
  try {
    status = (surroundings.stat ?? statusOf)(node.fd);
  } catch (error) {
    return answer('unknown', error instanceof Error ? error.message : String(error));
  }
  const device = status.isCharacterDevice() ? deviceOf(status.rdev, surroundings.sysfs ?? '/sys') : undefined;
  if (device !== undefined && device.refusal !== '') return answer('absent', device.refusal);
  const driver = node.driverVersion();
  if (typeof driver === 'number') {
    const refusal = systemError(driver, 'ioctl', { path, note: 'DRM_IOCTL_VERSION' }).message;
    return answer('unknown', `no render node of amdgpu: ${refusal}`);
  }
  if (driver.name !== 'amdgpu') {
    return answer('absent', `no render node of amdgpu: the driver is ${driver.name}`, { driver });
  }
  if (device === undefined) return served(driver, answer);
  const noretry = parameterNoretry(surroundings.sysfs ?? '/sys');
  const { svm, revision, reason } = scan();
  return answer(svm, reason, { driver, revision, noretry });
}

/** A file that is no device and answers as amdgpu: `amdgpu-svm serve` says which revision it is. */
function served(
  driver: DriverVersion,
  answer: (svm: SvmPresence, reason: string, more: Partial<RenderNode>) => RenderNode,
): RenderNode {
  const revision = SERVED_DESCRIPTION.exec(driver.description)?.[1];
  if (revision === undefined)
    return answer('unknown', `it is no device, and its driver tells no revision; ${SAY_PROFILE}`, { driver });
  if (!isProfileName(revision))
    return answer('unsupported', `it is served with revision ${revision}, which is not known here`, { driver });
  return answer('present', `it is served with revision ${revision}`, { driver, revision });
}

interface DrmDevice {
  /** Why it is no render node of amdgpu, '' if it may be one. */
  readonly refusal: string;
}

/** 'MAJOR:MINOR' of a device number as glibc and the kernel encode it. */
export function deviceNumberOf(rdev: bigint): string {
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffff_ff00n);
  return `${majorOf(rdev)}:${minor}`;
}

function majorOf(rdev: bigint): bigint {
  return ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xffff_f000n);
}

function deviceOf(rdev: bigint, sysfs: string): DrmDevice {
  const major = majorOf(rdev);
  const number = deviceNumberOf(rdev);
  if (major !== DRM_MAJOR)
    return { refusal: `no render node of amdgpu: it is device ${number}, and DRM devices have the major number 226` };
  const folder = join(sysfs, 'dev', 'char', number);
  // A sandbox may hide sysfs: then the driver is known by its own word alone.
  const name = linkTarget(() => realpathSync(folder));
  if (name !== undefined && !/^renderD\d+$/.test(name))
    return { refusal: `no render node of amdgpu: device ${number} is ${name}` };
  const driver = linkTarget(() => readlinkSync(join(folder, 'device', 'driver')));
  if (driver !== undefined && driver !== 'amdgpu')
    return { refusal: `no render node of amdgpu: the driver of device ${number} is ${driver}` };
  return { refusal: '' };
}

function linkTarget(read: () => string): string | undefined {
  try {
    return basename(read());
  } catch {
    return undefined;
  }
}

function statusOf(descriptor: number): FileStatus {
  return fstatSync(descriptor, { bigint: true });
}

function parameterNoretry(sysfs: string): number | undefined {
  try {
    const text = readFileSync(join(sysfs, 'module', 'amdgpu', 'parameters', 'noretry'), 'latin1').trim();
    return /^-?\d+$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}

/** The profile to use on a node, or why it can't be used. `asked` is the one that the user names. */
export function profileFor(node: RenderNode, asked: UapiProfileName | undefined): UapiProfile | string {
  const { svm, revision, reason } = node;
  if (svm === 'present' && revision !== undefined) {
    if (asked !== undefined && asked !== revision) return `the profile is to be ${asked}, but ${reason}`;
    return uapiProfile(revision);
  }
  // Who names the profile knows the kernel; an ioctl that is nobody's would only be guessed at.
  if (svm === 'unknown' && asked !== undefined && node.driver?.name === 'amdgpu') return uapiProfile(asked);
  return reason;
}
