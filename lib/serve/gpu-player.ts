/** A person plays the GPU of a served node: faults, accesses and copies on the memory of a client. */
import { contextSnapshot } from '../../emulator/index.ts';
import type { EmulatedDevice } from '../../emulator/index.ts';
import type { ClientFile } from './client.ts';
import type { ControlRequest } from './control-socket.ts';
import { resultName } from './log.ts';
import type { SvmServer } from './server.ts';

/** A request that makes no sense; the message says which part. */
export class GpuRequestError extends Error {
  readonly code = 'ERR_SVM_GPU_REQUEST';
}

/** The most bytes that a `read` shows. */
const LONGEST_READ = 1 << 20;

/** Carries out a request of `amdgpu-svm gpu`. Throws `GpuRequestError`, and `GpuFaultError` for accesses that can't be served. */
export async function playGpu(server: SvmServer, request: ControlRequest): Promise<unknown> {
  if (request.command === 'list') return { ...server.status(), open: matchingFiles(server, request).map(describeFile) };
  const file = chooseFile(server, request);
  const device = file.node.device;
  // What the client did since its last call has happened for the GPU too.
  file.client.refresh();
  switch (request.command) {
    case 'fault':
      return fault(device, file, request);
    case 'access':
      return access(device, file, request);
    case 'fill':
      await file.queue.fill(addressOf(request, 'address'), numberOf(request, 'value'), addressOf(request, 'size'));
      return {};
    case 'copy':
      await file.queue.copy(addressOf(request, 'address'), addressOf(request, 'source'), addressOf(request, 'size'));
      return {};
    case 'write':
      await file.queue.write(addressOf(request, 'address'), Buffer.from(String(request['data']), 'hex'));
      return {};
    case 'read': {
      const size = numberOf(request, 'size');
      if (size > LONGEST_READ) throw new GpuRequestError(`size: at most ${LONGEST_READ} bytes, got ${size}`);
      return { data: Buffer.from(await file.queue.read(addressOf(request, 'address'), size)).toString('hex') };
    }
    case 'snapshot':
      return { file: describeFile(file), ...contextSnapshot(device, file.node.file) };
    default:
      throw new GpuRequestError(`unknown command ${JSON.stringify(request.command)}`);
  }
}

function fault(device: EmulatedDevice, file: ClientFile, request: ControlRequest): unknown {
  const pasid = file.node.file.vm.pasid;
  const result = device.fault({ address: addressOf(request, 'address'), write: request['write'] === true, pasid });
  return { result, name: resultName(result) };
}

function access(device: EmulatedDevice, file: ClientFile, request: ControlRequest): unknown {
  const { result, faults, runs } = device.access({
    address: addressOf(request, 'address'),
    size: addressOf(request, 'size'),
    write: request['write'] === true,
    file: file.node.file,
  });
  return { result, name: resultName(result), faults, runs };
}

function describeFile(file: ClientFile): object {
  const { process } = file.client;
  return {
    file: file.number,
    pid: process.pid,
    name: process.name,
    node: `renderD${128 + file.gpu}`,
    exited: file.client.exited,
  };
}

function matchingFiles(server: SvmServer, { file: number, pid }: ControlRequest): ClientFile[] {
  return server.files.filter(
    (file) => (number === undefined || file.number === number) && (pid === undefined || file.client.pid === pid),
  );
}

/** The file that `file` or `pid` names; without them the only one that is open. */
function chooseFile(server: SvmServer, request: ControlRequest): ClientFile {
  const matching = matchingFiles(server, request);
  const [only] = matching;
  if (only !== undefined && matching.length === 1) return only;
  if (only === undefined)
    throw new GpuRequestError(server.files.length === 0 ? 'no client has a node open' : 'no open file matches');
  const list = matching
    .map((file) => `file ${file.number} of ${file.client.pid} ${file.client.process.name}`)
    .join(', ');
  throw new GpuRequestError(`${matching.length} files are open, say which: ${list}`);
}

function addressOf(request: ControlRequest, name: string): bigint {
  const value = request[name];
  if (typeof value !== 'string' || !/^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(value)) {
    throw new GpuRequestError(`${name}: expected a number, got ${JSON.stringify(value)}`);
  }
  return BigInt(value);
}

function numberOf(request: ControlRequest, name: string): number {
  return Number(addressOf(request, name));
}
