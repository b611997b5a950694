/** What `serve --log` prints: one line for each thing that happens. */
import { getSystemErrorName } from 'node:util';
import { errnoName } from '../uapi/errno.ts';
import { printable } from '../words/printable.ts';
import { SvmOperation } from '../uapi/constants.ts';
import { decodeAttributes, decodeSvmRequest } from '../uapi/codec.ts';
import { GEM_SVM_LAYOUT } from '../uapi/layout.ts';
import { isSvmRequest } from '../uapi/profile.ts';
import type { Client, ClientEvent, ClientFile } from './client.ts';
import type { HelperIoctl } from './helper-protocol.ts';
import type { IoctlAnswer } from './ioctl-call.ts';
import { KfdProcess } from './kfd/process.ts';
import type { KfdAnswer } from './kfd/process.ts';
import { SVM_HEADER_BYTES, svmCallText } from './kfd/svm-attributes.ts';
import { ioctlName } from '../words/drm-ioctls.ts';

/** "0", or "EINVAL" for -22. */
export function resultName(result: number): string {
  if (result >= 0) return String(result);
  return errnoName(result) ?? getSystemErrorName(result);
}

/** "1234 python3 renderD128 #7": process, node and number of the file. */
export function fileLabel(file: ClientFile): string {
  const { pid, name } = file.client.process;
  return `${pid} ${printable(name)} renderD${128 + file.gpu} #${file.number}`;
}

/** An answered ioctl; refused ones by name. */
export function ioctlLine(file: ClientFile, call: HelperIoctl, answer: IoctlAnswer): string {
  const { profile } = file.node;
  const name = ioctlName(call.request, profile);
  const what =
    isSvmRequest(profile, call.request) && call.argument.length >= GEM_SVM_LAYOUT.size
      ? `${name} ${svmText(call)}`
      : name;
  return `${fileLabel(file)}: ${what}${answer.served ? '' : ', not served'} = ${resultName(answer.result)}`;
}

/** An answered ioctl of KFD, attributes as they were answered; `label`: process and file. */
export function kfdLine(label: string, call: HelperIoctl, { result, argument }: KfdAnswer): string {
  const name = KfdProcess.nameOf(call.request);
  const hex = `0x${call.request.toString(16).padStart(8, '0')}`;
  const what =
    name === undefined
      ? `${hex}, not served`
      : `AMDKFD_IOC_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}${name === 'svm' ? svmArguments(result === 0 ? argument : call.argument) : ''}`;
  return `${label}: ${what} = ${resultName(result)}`;
}

function svmArguments(argument: Uint8Array): string {
  if (argument.length < SVM_HEADER_BYTES) return '';
  return ` ${svmCallText(new DataView(argument.buffer, argument.byteOffset, argument.byteLength), argument.length)}`;
}

export function eventLine(client: Client, event: ClientEvent): string {
  const where = event.size === 0n ? '' : ` ${interval(event.address, event.size)}`;
  return `${client.pid} ${printable(client.process.name)}: event ${event.name}${where}`;
}

function svmText(call: HelperIoctl): string {
  const { startAddress, size, operation, attributeCount } = decodeSvmRequest(call.argument);
  const verb =
    operation === SvmOperation.setAttributes
      ? 'set'
      : operation === SvmOperation.getAttributes
        ? 'get'
        : operation === SvmOperation.resetAttributes
          ? 'reset'
          : `operation ${operation}`;
  const records = call.records instanceof Uint8Array ? decodeAttributes(call.records) : [];
  const list = records.map(({ type, value }) => `${type}:${value === 0xffff_ffff ? 'undefined' : value}`).join(' ');
  return `${verb} ${interval(startAddress, size)} ${records.length > 0 ? list : `nattr ${attributeCount}`}`;
}

function interval(address: bigint, size: bigint): string {
  return `[0x${address.toString(16)}, +0x${size.toString(16)})`;
}
