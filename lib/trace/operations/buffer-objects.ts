/** Buffer objects in the address space of a GPU (spec/trace-format-v7 §2). */
import { bytesAt } from '../../words/sizes.ts';
import { hex } from '../format/hex.ts';
import { bareAnswer, writeInterval } from './common.ts';
import { defineOperation } from './descriptor.ts';
import type { BareAnswer } from './descriptor.ts';
import { FIELDS } from './form.ts';

export const bomap = defineOperation({
  name: 'bomap',
  perGpu: true,
  parse: (fields) => {
    fields.only('addr', 'len');
    return { name: 'bomap', gpu: fields.gpu, address: fields.u64('addr'), size: fields.u64('len') };
  },
  perform: ({ device, file }, { address, size }): BareAnswer => ({
    ret: device.mapBufferObject({ address, size, file }),
  }),
  record: (entry) => ({ operation: { bomap: writeInterval(entry) }, answer: bareAnswer(entry) }),
  sentence: (operation) => `A buffer object is mapped in the GPU's address space, ${bytesAt(operation)}`,
  refusal: () =>
    'address and size must be multiples of 4096, the size not 0, the end at most 2^64, and no other buffer object there',
  form: { label: 'map buffer object', fields: { addr: FIELDS.address, len: FIELDS.size } },
});

export const bounmap = defineOperation({
  name: 'bounmap',
  perGpu: true,
  parse: (fields) => {
    fields.only('addr');
    return { name: 'bounmap', gpu: fields.gpu, address: fields.u64('addr') };
  },
  perform: ({ device, file }, { address }): BareAnswer => ({ ret: device.unmapBufferObject({ address, file }) }),
  record: (entry) => ({ operation: { bounmap: { addr: hex(entry.address) } }, answer: bareAnswer(entry) }),
  sentence: ({ address }) => `The buffer object at 0x${address.toString(16)} is unmapped`,
  refusal: () => 'no buffer object begins at that page',
  form: { label: 'unmap buffer object', fields: { addr: FIELDS.address } },
});
