/** Effects of the files of a machine as `fx` lists. */
import { QuietEffects } from '../../../emulator/index.ts';
import type { EffectSink } from '../../../emulator/index.ts';
import type { ListeningSink } from './descriptor.ts';
import { EFFECTS } from './index.ts';
import { EffectList } from './list.ts';

class ListSink extends QuietEffects implements ListeningSink {
  readonly list: EffectList;
  readonly gpu: number;
  readonly flagValue: (index: number) => bigint;

  constructor(list: EffectList, gpu: number, flagValue: (index: number) => bigint) {
    super();
    this.list = list;
    this.gpu = gpu;
    this.flagValue = flagValue;
  }
}
for (const { listen } of EFFECTS) Object.assign(ListSink.prototype, listen);

/** What an effect of a GPU is read from. */
interface SourceDevice {
  readonly index: number;
  readonly gpu: { readonly pteFlags: { value(index: number): bigint } };
}

/** One list for all devices of a machine, and a sink for each. */
export class EffectRecorder extends EffectList {
  /** What hears the effects of a file on that device. */
  sinkOf({ index, gpu }: SourceDevice): EffectSink {
    return new ListSink(this, index, (flags) => gpu.pteFlags.value(flags));
  }
}
