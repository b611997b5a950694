/** Choice of the backend, with the reasons. */
import { EmulatedDevice, EmulatedMachine, machineOf } from '../../emulator/index.ts';
import type { UapiProfile } from '../uapi/profile.ts';
import { codedError, rangeError } from '../uapi/errors.ts';
import type { Backend } from './backend.ts';
import { EmulatedBackend } from './emulated-backend.ts';
import { ffiSupport } from './ffi-library.ts';
import { FfiNode } from './ffi-node.ts';
import { ffiAccess, kernelAccess, KernelBackend } from './kernel-backend.ts';
import type { KernelAccess } from './kernel-backend.ts';
import { KernelNode, renderMinorOf } from './kernel-node.ts';
import { KfdConnection, kfdGpuOf } from './kfd/connection.ts';
import type { XnackFacts } from './kernel-xnack.ts';
import { nativeAddon, nativeSupport } from './native-addon.ts';
import { inspectNode, profileFor } from './node-inspection.ts';
import type { OpenOptions } from './open-options.ts';
import type { DeviceRecorder } from './recording.ts';
import { listRenderNodes } from './render-nodes.ts';
import type { RenderNode, RenderNodeList, RenderNodeSearch } from './render-nodes.ts';

/** What was chosen, before anything listens to it. */
type Choice =
  | { readonly kind: 'kernel' | 'ffi'; readonly access: KernelAccess; readonly profile: UapiProfile }
  | { readonly kind: 'emulated'; readonly device: EmulatedDevice; readonly fallbackReason: string | undefined };

/** Opens the backend that the (resolved) options ask for. `recorder` is closed with it; `search` is for tests. */
export function chooseBackend(options: OpenOptions, recorder?: DeviceRecorder, search: RenderNodeSearch = {}): Backend {
  return backendOfChoice(choose(options, search), options, recorder);
}

/**
 * The backends of all GPUs of this process: every device of the emulated machine, or every render node that can be
 * used. `recorder` makes the recorder of each. If one cannot be opened, those before it are closed again.
 */
export function chooseAllBackends(
  options: OpenOptions,
  recorder: () => DeviceRecorder | undefined,
  search: RenderNodeSearch = {},
): Backend[] {
  const nodes =
    options.backend === 'emulated' || options.emulator !== undefined ? undefined : nodePaths(options, search);
  const backends: Backend[] = [];
  const open = (each: OpenOptions, choice?: Choice): void => {
    const own = recorder();
    try {
      backends.push(choice === undefined ? chooseBackend(each, own, search) : backendOfChoice(choice, each, own));
    } catch (error) {
      own?.close();
      throw error;
    }
  };
  try {
    if (nodes !== undefined && nodes.length > 0) for (const node of nodes) open({ ...options, node });
    else {
      // No node that can be used: one that was asked for says why, 'auto' gives a machine of its own.
      const choice = choose(options, search);
      if (choice.kind !== 'emulated') open(options, choice);
      else for (const device of machineOf(choice.device).devices) open(options, { ...choice, device });
    }
  } catch (error) {
    for (const backend of backends) backend.close();
    throw error;
  }
  return backends;
}

/** The render nodes that the options leave, and that can be used. */
function nodePaths({ profile, node: named }: OpenOptions, search: RenderNodeSearch): string[] {
  if (named !== undefined) return [named];
  return listRenderNodes(search)
    .nodes.filter((node) => typeof profileFor(node, profile) !== 'string')
    .map(({ path }) => path);
}

/** The backend on a file that is open already. */
export function adoptBackend(
  descriptor: number,
  options: OpenOptions,
  recorder?: DeviceRecorder,
  search: RenderNodeSearch = {},
): Backend {
  requireAddon(search);
  const choice = kernelChoice(KernelNode.adopt(descriptor, search.addon), options, search);
  return backendOfChoice(choice, options, recorder);
}

function backendOfChoice(choice: Choice, options: OpenOptions, recorder: DeviceRecorder | undefined): Backend {
  if (choice.kind === 'emulated') {
    const { device, fallbackReason } = choice;
    return new EmulatedBackend(device, {
      compute: options.compute,
      hazards: options.hazards,
      fallbackReason,
      recorder,
    });
  }
  const refused = onlyEmulated(options);
  if (refused !== undefined) {
    choice.access.node.close();
    throw rangeError(
      'ERR_SVM_INVALID_OPTION',
      `${refused} (the backend is "${choice.kind}"); leave it out, or say backend: "emulated"`,
    );
  }
  return new KernelBackend(choice.kind, choice.access, choice.profile, recorder);
}

/** The option that no kernel can serve, and why. */
function onlyEmulated({ hazards = 'off', compute, xnackOff, repairs }: OpenOptions): string | undefined {
  if (hazards !== 'off') return 'hazards: a kernel cannot be watched';
  if (compute !== undefined) return "compute: a kernel's VM is what it is";
  if (xnackOff !== undefined) return 'xnackOff: a kernel decides that itself';
  if (repairs !== undefined) return 'repairs: a kernel is what it is';
  return undefined;
}

function choose(options: OpenOptions, search: RenderNodeSearch): Choice {
  switch (options.backend) {
    case 'emulated':
      return chooseEmulated(options, undefined);
    case 'ffi':
      return openFfi(options, search);
    case 'kernel':
      return openKernel(options, search);
    default:
      break;
  }
  // A node or an emulated device that was named is never overridden.
  if (options.node !== undefined) return openKernel(options, search);
  // The first half keeps a program on a GPU from loading the emulated machine.
  if (options.emulator !== undefined && options.emulator instanceof EmulatedDevice)
    return chooseEmulated(options, undefined);
  const { nodes, reason } = listRenderNodes(search);
  const refusals: string[] = [];
  for (const node of nodes) {
    const profile = profileFor(node, options.profile);
    if (typeof profile === 'string') {
      refusals.push(`${node.path}: ${profile}`);
      continue;
    }
    try {
      return openKernel({ ...options, node: node.path }, search);
    } catch (error) {
      refusals.push(`${node.path}: ${(error as Error).message}`);
    }
  }
  const why = nodes.length === 0 ? reason : refusals.join('; ');
  const support = nativeSupport();
  return chooseEmulated(options, support.available ? why : `${why}; ${support.reason}`);
}

function openKernel(options: OpenOptions, search: RenderNodeSearch): Choice {
  requireAddon(search);
  const path = options.node ?? requireNode('kernel', listRenderNodes(search), options);
  return kernelChoice(KernelNode.open(path, search.addon), options, search);
}

function requireAddon({ addon }: RenderNodeSearch): void {
  if (addon !== undefined) return;
  const support = nativeSupport();
  if (!support.available) throw codedError('ERR_SVM_BACKEND_UNAVAILABLE', `backend "kernel": ${support.reason}`);
}

function kernelChoice(node: KernelNode, options: OpenOptions, search: RenderNodeSearch): Choice {
  const { profile, found } = profileOf(node, options, search);
  return {
    kind: 'kernel',
    access: kernelAccess(node, factsOf(node, found, options), computeVm(node, options, search)),
    profile,
  };
}

/** What tells whether the GPU has retry faults. */
function factsOf({ path, fd }: KernelAccess['node'], { noretry }: RenderNode, { topology }: OpenOptions): XnackFacts {
  // A served file is in a topology of its own only: that of this machine is about other GPUs.
  const renderMinor = renderMinorOf(fd);
  if (renderMinor === undefined && topology === undefined) return { gfx: undefined, noretry };
  const gpu = kfdGpuOf({ path, renderMinor }, { topology });
  return { gfx: typeof gpu === 'string' ? undefined : gpu.gfx, noretry };
}

/** Before the first SVM ioctl on the node. */
function computeVm(node: KernelNode, { kfd, topology }: OpenOptions, search: RenderNodeSearch): KfdConnection | string {
  if (kfd === 'none') return 'it was opened with kfd: "none"';
  return KfdConnection.open(search.addon ?? nativeAddon(), node, { kfd, topology });
}

function openFfi(options: OpenOptions, search: RenderNodeSearch): Choice {
  const support = ffiSupport();
  if (!support.available)
    throw codedError('ERR_SVM_BACKEND_UNAVAILABLE', `backend "ffi": ${support.reason}; install ffi-rs to use it`);
  const list = () => listRenderNodes({ ...search, open: (name) => FfiNode.open(name) });
  const node = FfiNode.open(options.node ?? requireNode('ffi', list(), options));
  const { profile, found } = profileOf(node, options, search);
  return { kind: 'ffi', access: ffiAccess(node, factsOf(node, found, options)), profile };
}

/** Path of the first node that can be used; throws with the reasons if there is none. */
function requireNode(backend: 'kernel' | 'ffi', { nodes, reason }: RenderNodeList, { profile }: OpenOptions): string {
  const refusals: string[] = [];
  for (const node of nodes) {
    const chosen = profileFor(node, profile);
    if (typeof chosen !== 'string') return node.path;
    refusals.push(`${node.path}: ${chosen}`);
  }
  const why = nodes.length === 0 ? reason : refusals.join('; ');
  throw codedError('ERR_SVM_BACKEND_UNAVAILABLE', `backend "${backend}": no render node with the SVM ioctl - ${why}`);
}

/** The profile of the file that is open, whatever its path is called. Throws, and closes it, when it must not get the ioctl. */
function profileOf(
  node: KernelNode | FfiNode,
  options: OpenOptions,
  search: RenderNodeSearch,
): { readonly profile: UapiProfile; readonly found: RenderNode } {
  const found = inspectNode(node, search);
  const profile = profileFor(found, options.profile);
  if (typeof profile !== 'string') return { profile, found };
  node.close();
  throw codedError('ERR_SVM_BACKEND_UNAVAILABLE', `node ${node.path}: ${profile}`);
}

function chooseEmulated(
  { emulator, profile, xnackOff, repairs }: OpenOptions,
  fallbackReason: string | undefined,
): Choice {
  if (emulator instanceof EmulatedDevice) {
    if (xnackOff === true && !machineOf(emulator).options.xnackOff)
      throw rangeError('ERR_SVM_INVALID_OPTION', 'xnackOff: the machine of that emulated device has XNACK on');
    if (repairs !== undefined)
      throw rangeError('ERR_SVM_INVALID_OPTION', 'repairs: say it where the machine of that emulated device is made');
    return { kind: 'emulated', device: emulator, fallbackReason };
  }
  const machine = new EmulatedMachine({
    ...(profile === undefined ? {} : { profile }),
    ...(xnackOff === undefined ? {} : { xnackOff }),
    ...(repairs === undefined ? {} : { repairs }),
    ...emulator,
  });
  return { kind: 'emulated', device: machine.devices[0]!, fallbackReason };
}
