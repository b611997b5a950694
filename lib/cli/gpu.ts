/** `amdgpu-svm gpu`: a person plays the GPU of a served node. */
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { printable } from '../words/printable.ts';
import { askControl, controlPath } from '../serve/control-socket.ts';
import type { ControlRequest } from '../serve/control-socket.ts';
import { ExitCode, UsageError } from './command.ts';
import type { gpu } from './commands/programs.ts';
import type { InputOf } from './definition.ts';
import { complain, print, toJson } from './output.ts';
import { counted } from '../words/counted.ts';

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

export async function runGpu({ values, operands }: InputOf<typeof gpu>): Promise<ExitCode> {
  if (values.mount === undefined) throw new UsageError('gpu: --mount DIR is missing; see amdgpu-svm gpu --help');
  const request = requestOf(operands, values);
  const reply = await askControl(controlPath(realPath(values.mount)), request);
  if (!reply.ok) {
    if (values.json) print(toJson(reply));
    complain(`amdgpu-svm gpu: ${reply.message}`);
    return MISTAKES.has(reply.code) ? ExitCode.usage : ExitCode.failure;
  }
  if (values.json) print(toJson(reply.value));
  else for (const line of describe(request.command, reply.value)) print(line);
  return isRefused(reply.value) ? ExitCode.failure : ExitCode.ok;
}

/** Whether `fault` or `access` was answered with an errno, or left pages without access. */
function isRefused(value: unknown): boolean {
  const { result, runs } = value as { result?: number; runs?: readonly { outcome: string }[] };
  return (result ?? 0) < 0 || (runs ?? []).some(({ outcome }) => outcome === 'failed');
}

function requestOf(
  positionals: readonly string[],
  { pid, file, write }: InputOf<typeof gpu>['values'],
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
    ...(pid === undefined ? {} : { pid }),
    ...(file === undefined ? {} : { file }),
    ...(write ? { write } : {}),
  };
}

/** As the server names it: a link to the directory is resolved, the mount itself need not answer. */
function realPath(directory: string): string {
  const path = resolve(directory);
  try {
    return realpathSync(path);
  } catch {
    return existsSync(dirname(path)) ? join(realpathSync(dirname(path)), basename(path)) : path;
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
  const many = (name: string, one: string): string => counted(Number(record[name]), one);
  switch (command) {
    case 'list': {
      const files = (record['open'] as ListedFile[]).map(
        ({ file, pid, name, node }) => `file ${file}: ${node} of process ${pid} ${printable(name)}`,
      );
      return [
        `${many('clients', 'client')}, ${many('files', 'file')}, ${many('contexts', 'SVM context')}; ${many('ioctls', 'ioctl')} so far`,
        ...files,
      ];
    }
    case 'fault':
      return [record['result'] === 0 ? '0: the GPU may retry' : `${String(record['name'])}: the access is killed`];
    case 'access': {
      const runs = record['runs'] as { outcome: string; startPage: number; pages: number; state?: string }[];
      const lines = runs.map(
        ({ outcome, startPage, pages, state }) =>
          `0x${(startPage * 4096).toString(16)} +${counted(pages, 'page')}: ${outcome}${state === undefined ? '' : ` (${state})`}`,
      );
      return [`${String(record['name'])}, ${many('faults', 'fault')}`, ...lines];
    }
    case 'read':
      return [String(record['data'])];
    case 'snapshot':
      return [toJson(value, 2)];
    default:
      return ['done'];
  }
}
