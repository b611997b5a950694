import { describe, expect, it } from 'vitest';
import { EmulatedMachine } from '../../emulator/index.ts';
import type { TraceSubject } from '../trace/operations/descriptor.ts';
import { OPERATIONS } from '../trace/operations/index.ts';
import { T } from '../trace/hazards/script.ts';
import { AttributeValues } from './attribute-values.ts';

const PAGE = 4096n;

/** A machine of `gpus` GPUs with 64 mapped pages from page 0x40000 on. */
function subjects(gpus = 1): TraceSubject[] {
  const machine = new EmulatedMachine({ gpus });
  const all = machine.devices.map((device) => ({ machine, device, file: device.openFile() }));
  machine.process.mmap({ address: 0x4000_0000n, size: 64n * PAGE, protection: 'rw', kind: 'anon' });
  return all;
}

/** Makes the GPU read only, or not, on `pages` from page 0x40000 + `first` on. */
function set(subject: TraceSubject, first: number, pages: number, readOnly = 1): void {
  const address = 0x4000_0000n + BigInt(first) * PAGE;
  const answer = OPERATIONS.set.perform(subject, {
    name: 'set',
    gpu: 0,
    address,
    size: BigInt(pages) * PAGE,
    attributes: [[T.gpuReadOnly, readOnly]],
  });
  expect(answer.ret).toBe(0);
}

const UNDEFINED = 0xffff_ffff;

describe('attribute values as text', () => {
  it('join intervals that touch and are equal, and leave out what is as no interval', () => {
    const [subject] = subjects() as [TraceSubject];
    const values = new AttributeValues();
    expect(values.textOf([subject])).toBe('');
    set(subject, 0, 4);
    set(subject, 4, 4);
    set(subject, 16, 8);
    // Cleared again: those pages have an interval of default attributes.
    set(subject, 20, 4, 0);
    const record = `${UNDEFINED},${UNDEFINED}`;
    const text = values.textOf([subject]);
    expect(text.replaceAll(record, 'R')).toMatch(/^262144-262151=R,\d,9,\d+ 262160-262163=R,\d,9,\d+$/);
  });

  it('are the same text for the same attributes, and another one for others', () => {
    const values = new AttributeValues();
    const [one] = subjects() as [TraceSubject];
    const [other] = subjects() as [TraceSubject];
    set(one, 0, 8);
    set(other, 4, 4);
    set(other, 0, 4);
    expect(values.textOf([one])).toBe(values.textOf([other]));
    expect(values.textOf([one])).toBe(new AttributeValues().textOf([one]));
    set(other, 8, 1);
    expect(values.textOf([one])).not.toBe(values.textOf([other]));
  });

  it('tell the GPUs apart', () => {
    const values = new AttributeValues();
    const [first, second] = subjects(2) as [TraceSubject, TraceSubject];
    set(second, 0, 4);
    const onSecond = values.textOf([first, second]);
    expect(onSecond).toMatch(/^\|262144-262147=/);
    set(first, 0, 4);
    const [left, right] = values.textOf([first, second]).split('|');
    expect(left).toBe(right);
    expect(`|${right}`).toBe(onSecond);
  });
});
