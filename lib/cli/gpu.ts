/** `amdgpu-svm gpu`: a person plays the GPU of a served node. */
import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { printable } from '../words/printable.ts';
import { askControl, controlPath } from '../serve/control-socket.ts';
import type { ControlRequest } from '../serve/control-socket.ts';
import { ExitCode, readArguments, UsageError } from './command.ts';
import type { Command } from './command.ts';
import { complain, print, toJson } from './output.ts';

/** Names of the positional arguments of each action. */
const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  list: [],
  fault: ['address'],
  access: ['address', 'size'],
  fill: ['address', 'value', 'size'],
  copy: ['address', 'source', 'size'],
  read: ['address', 'size'],
  write: ['address', 'data'],
  snapshot: [],
};

/** Codes of requests that no GPU could carry out: of the server, and of the queue that checks addresses and sizes. */
const MISTAKES: ReadonlySet<string> = new Set(['ERR_SVM_GPU_REQUEST', 'ERR_SVM_OUT_OF_RANGE', 'ERR_SVM_INVALID_TYPE']);

const OPTIONS = {
  mount: { type: 'string' },
  pid: { type: 'string' },
  file: { type: 'string' },
  write: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

export const gpuCommand: Command = {
  name: 'gpu',
  synopsis: '--mount DIR ACTION [ARGUMENT...] [--pid PID | --file N] [--write] [--json]',
  help: `DIR is that of "amdgpu-svm serve". Numbers are decimal or 0x..., addresses those of the client.

  list                              open files and how much is alive
  fault ADDRESS [--write]           raise one retry fault; 0 means "the GPU may retry"
  access ADDRESS SIZE [--write]     touch every page, with retries; hits and faults as runs
  fill ADDRESS VALUE SIZE           write a 32-bit value all over
  copy DESTINATION SOURCE SIZE
  read ADDRESS SIZE                 bytes as the GPU sees them, hexadecimal
  write ADDRESS HEX
  snapshot                          attributes, notifiers, ranges, PTEs of the context

  --pid PID, --file N   which open file, if there are several
  --json                the answer as JSON

Exit code 1: the access was refused, or not all of it was possible.`,
  async run(args) {
    const { values, positionals } = readArguments('gpu', args, OPTIONS, true);
    if (!values.mount) throw new UsageError('gpu: --mount DIR is missing; see amdgpu-svm gpu --help');
    const request = requestOf(positionals, values);
    const reply = await askControl(controlPath(realPath(values.mount)), request);
    if (!reply.ok) {
      if (values.json) print(toJson(reply));
      complain(`amdgpu-svm gpu: ${reply.message}`);
      return MISTAKES.has(reply.code) ? ExitCode.usage : ExitCode.failure;
    }
    if (values.json) print(toJson(reply.value));
    else for (const line of describe(request.command, reply.value)) print(line);
    return isRefused(reply.value) ? ExitCode.failure : ExitCode.ok;
  },
};

/** Whether `fault` or `access` was answered with an errno, or left pages without access. */
function isRefused(value: unknown): boolean {
  const { result, runs } = value as { result?: number; runs?: readonly { outcome: string }[] };
  return (result ?? 0) < 0 || (runs ?? []).some(({ outcome }) => outcome === 'failed');
}

function requestOf(
  positionals: readonly string[],
  values: { pid?: string; file?: string; write: boolean },
): ControlRequest {
  const [command, ...rest] = positionals;
  const names = command === undefined || !Object.hasOwn(ACTIONS, command) ? undefined : ACTIONS[command];
  if (command === undefined || names === undefined) {
    throw new UsageError(
      `gpu: expected one of ${Object.keys(ACTIONS).join(', ')}, got ${command === undefined ? 'nothing' : `"${command}"`}`,
    );
  }
  if (rest.length !== names.length)
    throw new UsageError(
      `gpu ${command}: expected ${names.map((name) => name.toUpperCase()).join(' ') || 'no arguments'}`,
    );
  for (const [index, name] of names.entries()) {
    const pattern = name === 'data' ? /^([0-9a-f]{2})+$/i : /^(0x[0-9a-f]{1,16}|\d{1,20})$/i;
    if (!pattern.test(rest[index]!))
      throw new UsageError(
        `gpu ${command}: ${name.toUpperCase()}: not a ${name === 'data' ? 'hexadecimal string' : 'number'}: "${rest[index]}"`,
      );
  }
  return {
    command,
    ...Object.fromEntries(names.map((name, index) => [name, rest[index]!])),
    ...whole('pid', values.pid),
    ...whole('file', values.file),
    ...(values.write ? { write: true } : {}),
  };
}

function whole(name: string, text: string | undefined): Record<string, number> {
  if (text === undefined) return {};
  if (!/^\d{1,10}$/.test(text)) throw new UsageError(`gpu: --${name}: expected a number, got "${text}"`);
  return { [name]: Number(text) };
}

/** As the server names it: a link to the directory is resolved, the mount itself need not answer. */
function realPath(directory: string): string {
  const path = resolve(directory);
  try {
    return realpathSync(path);
  } catch {
    return join(realpathSync(dirname(path)), basename(path));
  }
}

interface ListedFile {
  readonly file: number;
  readonly pid: number;
  readonly name: string;
  readonly node: string;
}

function describe(command: string, value: unknown): string[] {
  const record = value as Record<string, unknown>;
  switch (command) {
    case 'list': {
      const files = (record['open'] as ListedFile[]).map(
        ({ file, pid, name, node }) => `file ${file}: ${node} of process ${pid} ${printable(name)}`,
      );
      return [
        `${record['clients']} clients, ${record['files']} files, ${record['contexts']} SVM contexts; ${record['ioctls']} ioctls so far`,
        ...files,
      ];
    }
    case 'fault':
      return [record['result'] === 0 ? '0: the GPU may retry' : `${String(record['name'])}: the access is killed`];
    case 'access': {
      const runs = record['runs'] as { outcome: string; startPage: number; pages: number; state?: string }[];
      const lines = runs.map(
        ({ outcome, startPage, pages, state }) =>
          `0x${(startPage * 4096).toString(16)} +${pages} pages: ${outcome}${state === undefined ? '' : ` (${state})`}`,
      );
      return [`${String(record['name'])}, ${String(record['faults'])} faults`, ...lines];
    }
    case 'read':
      return [String(record['data'])];
    case 'snapshot':
      return [toJson(value, 2)];
    default:
      return ['done'];
  }
}
