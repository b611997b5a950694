/** Options of `SvmDevice.open`: their types, their checks, and the environment. */
import { EmulatedDevice, repairsOfText } from '../../emulator/index.ts';
import type { EmulatedMachine, MachineOptions } from '../../emulator/index.ts';
import { rangeError, show, typeError } from '../uapi/errors.ts';
import { UAPI_PROFILES } from '../uapi/profile.ts';
import type { UapiProfileName } from '../uapi/profile.ts';
import { BACKENDS } from './backend-names.ts';
import type { BackendName } from './backend-names.ts';
import { HAZARD_MODES } from './hazard-watch.ts';
import type { HazardMode } from './hazard-watch.ts';

/** Options of `SvmDevice.open`. */
export interface OpenOptions {
  /**
   * 'auto' (default): the first render node with amdgpu and the SVM ioctl, else the
   * emulator. Any other value fails instead of falling back. Environment:
   * AMDGPU_SVM_BACKEND.
   */
  readonly backend?: BackendName;
  /** Path of a render node; implies the kernel backend unless 'ffi' is asked for. Environment: AMDGPU_SVM_NODE. */
  readonly node?: string;
  /**
   * Revision of the driver and of its user ABI. Say it where the kernel's symbol table can't tell. Environment:
   * AMDGPU_SVM_PROFILE.
   */
  readonly profile?: UapiProfileName;
  /**
   * True: the GPU could have XNACK, and it is switched off. Only the emulated backend with profile 'v7-xnack-off' works
   * so; a kernel decides it itself. Environment: AMDGPU_SVM_XNACK_OFF, 0 or 1.
   */
  readonly xnackOff?: boolean;
  /**
   * Defects of the driver that are repaired: ids of docs/repairs.md, or 'all' that there are for the profile. Only the
   * emulated backend; a kernel is what it is. Environment: AMDGPU_SVM_REPAIRS, 'all' or ids with commas between them.
   */
  readonly repairs?: 'all' | readonly string[];
  /** The emulated machine to make, or a device of one that exists already. */
  readonly emulator?: MachineOptions | EmulatedDevice;
  /**
   * Kernel backend: device file of KFD, which makes the GPU address space one whose faults reach SVM, and gives queues.
   * Default /dev/kfd; 'none' leaves it out. Environment: AMDGPU_SVM_KFD.
   */
  readonly kfd?: string;
  /** Kernel backend: folder of KFD's topology. Default that of Linux in /sys. Environment: AMDGPU_SVM_TOPOLOGY. */
  readonly topology?: string;
  /** File to record to, in the trace format. Environment: AMDGPU_SVM_RECORD. */
  readonly record?: string;
  /**
   * Emulated backend: false leaves the GPU address space as a graphics program opens it, so that the first ioctl
   * makes the SVM context and no fault reaches it (spec/06-lifecycle §2, Q04). Default true: as a ROCm runtime makes it.
   */
  readonly compute?: boolean;
  /**
   * Watches the emulated machine for the defects of the catalogue (docs/hazards.md): 'report' them, or 'throw'
   * `HazardError` from the operation that caused one. Default 'off'. Only the emulated backend can be watched.
   */
  readonly hazards?: HazardMode;
}

/** Variables of the environment; `process.env` is one. */
export type Environment = Readonly<Record<string, string | undefined>>;

const ADOPT_OPTIONS = ['profile', 'kfd', 'topology', 'record'] as const;

/** Options of `SvmDevice.openAll`: as those of `SvmDevice.open`; `emulator` may also be a machine that exists already. */
export type OpenAllOptions = Omit<OpenOptions, 'emulator'> & {
  readonly emulator?: MachineOptions | EmulatedMachine | EmulatedDevice;
};

/** Options of `SvmDevice.adopt`: as those of `SvmDevice.open`. */
export type AdoptOptions = Pick<OpenOptions, (typeof ADOPT_OPTIONS)[number]>;

/** How one option is read. */
interface OptionReader {
  /** Variable of the environment that is looked at when the option is left out; an empty one counts as absent. */
  readonly variable?: string;
  readonly expected: string;
  readonly error: typeof typeError | typeof rangeError;
  readonly accepts: (value: unknown) => boolean;
  /** What a text of the environment means; default: itself. */
  readonly inherit?: (text: string) => unknown;
}

const READERS: Readonly<Record<keyof OpenOptions, OptionReader>> = {
  backend: { ...oneOf(BACKENDS), variable: 'AMDGPU_SVM_BACKEND' },
  node: { ...path(), variable: 'AMDGPU_SVM_NODE' },
  profile: { ...oneOf(Object.keys(UAPI_PROFILES)), variable: 'AMDGPU_SVM_PROFILE' },
  xnackOff: {
    ...flag(),
    variable: 'AMDGPU_SVM_XNACK_OFF',
    // What is neither is refused like any other value.
    inherit: (text) => (text === '0' || text === '1' ? text === '1' : text),
  },
  repairs: {
    expected: "'all' or a list of ids",
    error: typeError,
    // Which ids there are depends on the profile: the machine looks at them.
    accepts: (value) => value === 'all' || (Array.isArray(value) && value.every((id) => typeof id === 'string')),
    variable: 'AMDGPU_SVM_REPAIRS',
    inherit: (text) => repairsOfText(text),
  },
  emulator: {
    expected: 'an EmulatedDevice or options of an EmulatedMachine',
    error: typeError,
    accepts: (value) => value instanceof EmulatedDevice || isPlainObject(value),
  },
  kfd: { ...path(), variable: 'AMDGPU_SVM_KFD' },
  topology: { ...path(), variable: 'AMDGPU_SVM_TOPOLOGY' },
  record: { ...path(), variable: 'AMDGPU_SVM_RECORD' },
  compute: flag(),
  hazards: oneOf(HAZARD_MODES),
};

function oneOf(words: readonly string[]): OptionReader {
  return {
    expected: `one of ${words.join(', ')}`,
    error: rangeError,
    accepts: (value) => (words as readonly unknown[]).includes(value),
  };
}

function flag(): OptionReader {
  return { expected: 'true or false', error: typeError, accepts: (value) => typeof value === 'boolean' };
}

function path(): OptionReader {
  return { expected: 'a path', error: typeError, accepts: (value) => typeof value === 'string' && value !== '' };
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** As `resolveOpenOptions`, for a file that is open already: what chooses one is no option, and the environment does not. */
export function resolveAdoptOptions(options: AdoptOptions, environment: Environment): OpenOptions {
  for (const name of Object.keys(options ?? {})) {
    if ((ADOPT_OPTIONS as readonly string[]).includes(name)) continue;
    throw typeError('ERR_SVM_INVALID_OPTION', `options.${name}: unknown option; known: ${ADOPT_OPTIONS.join(', ')}`);
  }
  const inherited = ADOPT_OPTIONS.map((name) => READERS[name].variable!).map((name) => [name, environment[name]]);
  return resolveOpenOptions({ ...options, backend: 'kernel' }, Object.fromEntries(inherited));
}

/** Checks the options and fills in the environment; throws TypeError or RangeError (`ERR_SVM_INVALID_OPTION`). */
export function resolveOpenOptions(options: OpenOptions, environment: Environment): OpenOptions {
  if (typeof options !== 'object' || options === null) {
    throw typeError('ERR_SVM_INVALID_OPTION', `options: expected an object, got ${show(options)}`);
  }
  const known = Object.keys(READERS);
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw typeError('ERR_SVM_INVALID_OPTION', `options.${name}: unknown option; known: ${known.join(', ')}`);
    }
  }
  const resolved: Record<string, unknown> = { backend: 'auto' };
  for (const [name, reader] of Object.entries(READERS)) {
    const value = readOption(name, reader, options[name as keyof OpenOptions], environment);
    if (value !== undefined) resolved[name] = value;
  }
  if (resolved['backend'] === 'emulated') {
    if (options.node !== undefined) {
      throw rangeError(
        'ERR_SVM_INVALID_OPTION',
        'node: the emulated backend has no render node; leave out node, or say backend: "kernel"',
      );
    }
    // The environment names the node of those that use one.
    delete resolved['node'];
  }
  return resolved as OpenOptions;
}

function readOption(
  name: string,
  { variable, expected, error, accepts, inherit }: OptionReader,
  option: unknown,
  environment: Environment,
): unknown {
  const inherited = variable === undefined ? undefined : environment[variable] || undefined;
  const value = option ?? (inherited === undefined ? undefined : (inherit?.(inherited) ?? inherited));
  if (value === undefined || value === null || accepts(value)) return value ?? undefined;
  throw error(
    'ERR_SVM_INVALID_OPTION',
    `${option === undefined ? variable : name}: expected ${option === undefined && inherit !== undefined ? '0 or 1' : expected}, got ${show(value)}`,
  );
}
