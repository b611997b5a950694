import { describe, expect, it } from 'vitest';
import { EffectList } from '../effects/list.ts';
import { EntryForm } from '../effects/form.ts';
import { AnswerWriter, Fragment, RecordedAnswer } from './answer-text.ts';
import type { AnswerOutput } from './answer-text.ts';

const recorded = (text: string): RecordedAnswer => {
  const bytes = new TextEncoder().encode(`before${text}after`);
  return new RecordedAnswer(new DataView(bytes.buffer), 6, 6 + text.length);
};

const VALUES = [
  0,
  1,
  9,
  0xf,
  0x10,
  0xfff,
  0x1000,
  2 ** 28 - 1,
  2 ** 28,
  2 ** 28 + 5,
  2 ** 31,
  2 ** 44 - 1,
  2 ** 53 - 1,
];
const WIDE = [0n, 2n ** 28n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 0x6000_0000_0000_067n, 2n ** 64n - 1n];

describe('a recorded answer', () => {
  it.each([...VALUES, ...WIDE])('has the digits of %s, and no others', (value) => {
    const digits = value.toString(16);
    const isSame = (text: string): boolean => {
      const answer = recorded(text);
      answer.hex(value);
      return answer.isSame;
    };
    expect(isSame(digits)).toBe(true);
    for (const other of [`0${digits}`, `${digits}0`, digits.slice(1), digits.slice(0, -1)])
      expect(isSame(other)).toBe(false);
    for (let at = 0; at < digits.length; at++) {
      const digit = digits[at] === '7' ? '3' : '7';
      expect(isSame(digits.slice(0, at) + digit + digits.slice(at + 1))).toBe(false);
    }
  });

  it.each([
    {},
    { ret: 0 },
    { ret: -14 },
    { ret: 0, missing: undefined, ran: false },
    { ret: 0, runs: [['hit', '0x1', '0x2', 'ok']], text: 'a "b" \\ \n' },
    { ret: -0 },
  ])('is held against %j as JSON has it', (answer) => {
    const text = JSON.stringify(answer);
    const opened = recorded(text);
    opened.opened(answer);
    opened.raw(new Fragment('}'));
    expect(opened.isSame).toBe(true);
    const value = recorded(text);
    value.value(answer);
    expect(value.isSame).toBe(true);
    const other = recorded(`${text.slice(0, -1)},"more":1}`);
    other.opened(answer);
    other.raw(new Fragment('}'));
    expect(other.isSame).toBe(false);
  });

  it('leaves a number alone that is not compared, but not its place', () => {
    const isSame = (text: string): boolean => {
      const answer = recorded(text);
      answer.raw(new Fragment('"pdes":'));
      answer.uncompared();
      answer.raw(new Fragment('}'));
      return answer.isSame;
    };
    expect(['"pdes":5}', '"pdes":1234567890}', '"pdes":}', '"pdes":-1}', '"pdes":5'].map(isSame)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it('is not the same after a difference, whatever follows, until it begins again', () => {
    const answer = recorded('12');
    answer.number(1);
    answer.number(3);
    answer.number(2);
    expect(answer.isSame).toBe(false);
    answer.restart();
    answer.number(12);
    expect([answer.isSame, answer.text]).toEqual([true, '12']);
  });
});

describe('the forms of effects', () => {
  const source = { gpu: 0, flagValue: (index: number): bigint => 0x6000_0000_0000_007n + BigInt(index) };
  const forms = [
    new EntryForm(['tlb'], []),
    new EntryForm(['range+'], ['address', 'end']),
    new EntryForm(['pte'], ['page', 'pages', 'flags']),
    new EntryForm(['gc+'], ['page', 'last']),
    new EntryForm(['event', 'migrate'], ['address', 'end']),
    new EntryForm(['tovram'], ['page', 'pages', 'gpu']),
  ];
  const places = [
    [0, 1],
    [0x1000, 0x200],
    [0x7_ffff_ec00, 3],
    [2 ** 44 - 2, 1],
  ] as const;

  it('write the entries that they make', () => {
    for (const form of forms) {
      for (const [startPage, pages] of places) {
        const values = { startPage, pages, flags: 3, source };
        const writer: AnswerOutput & { text: string } = new AnswerWriter();
        form.write(values, writer);
        const text = JSON.stringify(form.entry(values));
        expect(writer.text).toBe(text);
        const answer = recorded(text);
        form.write(values, answer);
        expect(answer.isSame).toBe(true);
      }
    }
  });

  it('are taken if the recorded answer has them, and stay if it has not', () => {
    const list = new EffectList();
    const tell = (): void => {
      list.mark('inject', 'hmm');
      list.run(source, forms[2]!, 16, 4, 1);
      list.run(source, forms[2]!, 20, 4, 1);
      list.run({ ...source, gpu: 1 }, forms[2]!, 24, 4, 1);
      list.add(source, forms[0]!, 0, 0);
    };
    tell();
    const fx = list.take();
    expect(fx.map(([kind]) => kind)).toEqual(['inject', 'pte', '@', 'pte', '@', 'tlb']);
    expect(fx[1]).toEqual(['pte', '0x10', '0x8', '0x600000000000008']);
    tell();
    expect(list.takeIfSame({ ret: 0 }, recorded(JSON.stringify({ ret: 0, fx: fx.slice(1) })))).toBe(false);
    expect(list.takeIfSame({ ret: 1 }, recorded(JSON.stringify({ ret: 0, fx })))).toBe(false);
    expect(list.takeIfSame({ ret: 0 }, recorded(JSON.stringify({ ret: 0, fx })))).toBe(true);
    expect(list.take()).toEqual([]);
  });
});
