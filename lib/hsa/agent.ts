/** Agents: the CPUs and GPUs of a runtime, and how an argument becomes one (spec/hsa §3, the agent checks). */
import { show, typeError } from '../uapi/errors.ts';
import type { SvmDevice } from '../device/svm-device.ts';
import { u64Of } from './arguments.ts';

/** A CPU or a GPU. Made by the runtime; only its own agents are valid in its calls. */
export class HsaAgent {
  readonly kind: 'cpu' | 'gpu';
  /** Position among the agents of its kind. */
  readonly index: number;
  /** Number of its node: the CPU agents have the first ones, the GPU agents the next. */
  readonly node: number;
  /** `hsa_agent_t.handle`, u64 above 0. No two agents of a process have the same. */
  readonly handle: bigint;
  /** The device behind a GPU agent. */
  readonly device: SvmDevice | undefined;

  /** Use `runtime.cpuAgents` and `runtime.gpuAgents`. */
  constructor(kind: 'cpu' | 'gpu', index: number, node: number, device: SvmDevice | undefined) {
    this.kind = kind;
    this.index = index;
    this.node = node;
    this.device = device;
    this.handle = nextHandle;
    nextHandle += HANDLE_STEP;
  }

  /** 'CPU0', 'GPU1': as the traffic view labels it. */
  get name(): string {
    return `${this.kind.toUpperCase()}${this.index}`;
  }
}

const HANDLE_STEP = 0x10n;
let nextHandle = 0x1000n;

/** The agents of one runtime. */
export class AgentTable {
  readonly cpuAgents: readonly HsaAgent[];
  readonly gpuAgents: readonly HsaAgent[];
  readonly #byHandle = new Map<bigint, HsaAgent>();

  constructor(cpus: number, devices: readonly SvmDevice[]) {
    this.cpuAgents = Object.freeze(
      Array.from({ length: cpus }, (_, index) => new HsaAgent('cpu', index, index, undefined)),
    );
    this.gpuAgents = Object.freeze(devices.map((device, index) => new HsaAgent('gpu', index, cpus + index, device)));
    for (const agent of [...this.cpuAgents, ...this.gpuAgents]) this.#byHandle.set(agent.handle, agent);
  }

  /** The agent of a node, as answers name it. */
  ofNode(node: number): HsaAgent {
    return node < this.cpuAgents.length ? this.cpuAgents[node]! : this.gpuAgents[node - this.cpuAgents.length]!;
  }

  /**
   * What an argument means: an agent of this runtime, null (handle 0), or 'invalid'
   * for a handle or an agent that is none of this runtime's. TypeError for other types.
   */
  resolve(field: string, value: unknown): HsaAgent | null | 'invalid' {
    if (value === null) return null;
    if (value instanceof HsaAgent) return this.#byHandle.get(value.handle) === value ? value : 'invalid';
    if (typeof value !== 'bigint' && typeof value !== 'number') {
      throw typeError(
        'ERR_SVM_INVALID_TYPE',
        `${field}: expected an agent of this runtime, its handle, or null, got ${show(value)}`,
      );
    }
    const handle = u64Of(field, value);
    return handle === 0n ? null : (this.#byHandle.get(handle) ?? 'invalid');
  }
}
