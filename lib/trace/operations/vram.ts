/** What other clients of a GPU do to its VRAM (spec/trace-format-v8 §2). */
import { exactBytes } from '../../words/sizes.ts';
import { hex } from '../format/hex.ts';
import { bareAnswer } from './common.ts';
import { defineOperation } from './descriptor.ts';
import type { BareAnswer } from './descriptor.ts';
import { FIELDS } from './form.ts';

export const evict = defineOperation({
  name: 'evict',
  perGpu: true,
  needs: 'svm-lock',
  parse: (fields) => {
    fields.only();
    return { name: 'evict', gpu: fields.gpu };
  },
  perform: ({ device }): BareAnswer => ({ ret: device.evict() }),
  record: (entry) => ({ operation: { evict: {} }, answer: bareAnswer(entry) }),
  sentence: () => 'Another client makes the oldest buffer of SVM leave VRAM',
  refusal: () => 'there is no such buffer, or not all of its pages could leave',
  form: { label: 'evict buffer', fields: {} },
});

/** `offset`: the first page, or a negative errno. */
function takenAnswer(offset: number): BareAnswer & { readonly offset?: string } {
  return offset < 0 ? { ret: offset } : { ret: 0, offset: hex(offset) };
}

export const vram = defineOperation({
  name: 'vram',
  perGpu: true,
  needs: 'svm-lock',
  parse: (fields) => {
    fields.only('bytes');
    return { name: 'vram', gpu: fields.gpu, bytes: fields.u64('bytes') };
  },
  perform: ({ device }, { bytes }) => takenAnswer(device.takeVram(bytes)),
  record: ({ bytes, result }) => ({ operation: { vram: { bytes: hex(bytes) } }, answer: takenAnswer(result) }),
  sentence: ({ bytes }) => `Another client takes ${exactBytes(bytes)} of VRAM`,
  refusal: () => 'there is no room, and no buffer of SVM that could leave',
  form: { label: 'take VRAM', fields: { bytes: FIELDS.size } },
});

export const vramfree = defineOperation({
  name: 'vramfree',
  perGpu: true,
  parse: (fields) => {
    fields.only('offset');
    return { name: 'vramfree', gpu: fields.gpu, offset: fields.count('offset') };
  },
  perform: ({ device }, { offset }): BareAnswer => ({ ret: device.freeVram(offset) }),
  record: (entry) => ({ operation: { vramfree: { offset: hex(entry.offset) } }, answer: bareAnswer(entry) }),
  sentence: ({ offset }) => `Another client gives back the VRAM from page 0x${offset.toString(16)} on`,
  refusal: () => 'nobody has taken VRAM there',
});
