/** Effects of the files of a machine as `fx` lists. */
import { QuietEffects } from '../../../emulator/index.ts';
import type { EffectSink } from '../../../emulator/index.ts';
import type { ListeningSink } from './descriptor.ts';
import { EFFECTS } from './index.ts';
import { EffectList } from './list.ts';

class ListSink extends QuietEffects implements ListeningSink {
  readonly list: EffectList;
  readonly gpu: number | null;
  readonly flagValue: (index: number) => bigint;

  constructor(list: EffectList, gpu: number | null, flagValue: (index: number) => bigint) {
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
  /** What hears what becomes of the process's pages. */
  processSink(): EffectSink {
    return new ListSink(this, null, () => 0n);
  }

  /** What hears the effects of a file, or of the VRAM, on that device. */
  sinkOf({ index, gpu }: SourceDevice): EffectSink {
    return new ListSink(this, index, (flags) => gpu.pteFlags.value(flags));
  }
}
