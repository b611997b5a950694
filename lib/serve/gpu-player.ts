/** A person plays the GPU of a served node: faults, accesses and copies on the memory of a client. */
import { contextSnapshot } from '../../emulator/index.ts';
import type { EmulatedDevice } from '../../emulator/index.ts';
import type { ClientFile } from './client.ts';
import type { ControlRequest } from './control-socket.ts';
import { describeFile } from './file-description.ts';
import { resultName } from './log.ts';

/** A request that makes no sense; the message says which part. */
export class GpuRequestError extends Error {
  readonly code = 'ERR_SVM_GPU_REQUEST';
}

/** The most bytes that a `read` shows. */
const LONGEST_READ = 1 << 20;

/** Carries out a request of `amdgpu-svm gpu`. Throws `GpuRequestError`, and `GpuFaultError` for accesses that can't be served. */
export async function playOnFile(file: ClientFile, request: ControlRequest): Promise<unknown> {
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
      return {
        file: describeFile({
          ...file,
          pid: file.client.pid,
          name: file.client.process.name,
          exited: file.client.exited,
        }),
        ...contextSnapshot(device, file.node.file),
      };
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
