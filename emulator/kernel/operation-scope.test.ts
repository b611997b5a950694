import { describe, expect, it } from 'vitest';
import { OperationScope } from './operation-scope.ts';
import { PREEMPTION_POINTS, PreemptionPoints } from './preemption.ts';

function scope(): { points: PreemptionPoints; scope: OperationScope } {
  const points = new PreemptionPoints();
  return { points, scope: new OperationScope(points) };
}

describe('PreemptionPoints', () => {
  it('are those of the trace format', () => {
    expect(PREEMPTION_POINTS).toEqual([
      'vma-checked',
      'attr-edited',
      'hmm',
      'pages-got',
      'pte-committed',
      'mmap-lock',
      'mmap-unlock',
      'tree-unlock',
      'svm-lock',
      'svm-unlock',
      'work-unlock',
      'bo-alloc',
      'collected',
      'copy',
      'evict',
      'caches-checked',
      'context-made',
      'context-looked-up',
      'closing-checked',
    ]);
  });

  it('do nothing without a listener', () => {
    expect(() => new PreemptionPoints().reach('hmm')).not.toThrow();
  });
});

describe('OperationScope', () => {
  it('counts passes of each point within one operation, from 1', () => {
    const { points, scope: it } = scope();
    const seen: string[] = [];
    it.addHook((point, pass) => seen.push(`${point} ${pass}`));
    const operation = (): void => {
      points.reach('hmm');
      points.reach('pages-got');
      points.reach('hmm');
    };
    it.run(operation);
    it.run(operation);
    const once = ['hmm 1', 'pages-got 1', 'hmm 2'];
    expect(seen).toEqual([...once, ...once]);
  });

  it('passes a nested operation over: its points are those of another thread', () => {
    const { points, scope: it } = scope();
    const seen: number[] = [];
    it.addHook((_, pass) => {
      seen.push(pass);
      expect(it.active).toBe(true);
      it.run(() => points.reach('hmm'));
    });
    it.run(() => {
      points.reach('hmm');
      points.reach('hmm');
    });
    expect(seen).toEqual([1, 2]);
    expect(it.active).toBe(false);
  });

  it('takes hooks out, also while they run', () => {
    const { points, scope: it } = scope();
    const seen: string[] = [];
    const removeFirst = it.addHook(() => {
      seen.push('first');
      removeFirst();
    });
    const removeSecond = it.addHook(() => seen.push('second'));
    it.run(() => {
      points.reach('hmm');
      points.reach('hmm');
    });
    removeSecond();
    removeSecond();
    expect(points.listener).toBeNull();
    it.run(() => points.reach('hmm'));
    expect(seen).toEqual(['first', 'second', 'second']);
  });

  it('lets the operation run to its end before an error of a hook is thrown', () => {
    const { points, scope: it } = scope();
    let ended = false;
    const remove = it.addHook(() => {
      throw new Error('of the hook');
    });
    expect(() =>
      it.run(() => {
        points.reach('hmm');
        ended = true;
      }),
    ).toThrow('of the hook');
    expect([ended, it.active]).toEqual([true, false]);
    remove();
    expect(it.run(() => 5)).toBe(5);
  });

  it('throws several errors of hooks together', () => {
    const { points, scope: it } = scope();
    it.addHook((_, pass) => {
      throw new Error(`pass ${pass}`);
    });
    const run = (): void =>
      it.run(() => {
        points.reach('hmm');
        points.reach('hmm');
      });
    expect(run).toThrow(AggregateError);
    expect(run).toThrow('several callbacks at preemption points failed');
  });

  it('is left by an operation that throws', () => {
    const { scope: it } = scope();
    expect(() =>
      it.run(() => {
        throw new Error('of the operation');
      }),
    ).toThrow('of the operation');
    expect(it.active).toBe(false);
  });

  it('resumes sleeping calls in their order when the outermost operation has ended', () => {
    const { scope: it } = scope();
    const order: string[] = [];
    it.run(() => {
      it.run(() => {
        for (const name of ['first', 'second']) it.addSleeper({ resume: () => order.push(name) > 0 });
      });
      order.push('outer');
      expect(it.sleepers).toBe(2);
    });
    expect(order).toEqual(['outer', 'first', 'second']);
    expect(it.sleepers).toBe(0);
  });

  it('shows observers where nested operations begin and end, and where sleeping calls go on', () => {
    const { points, scope: it } = scope();
    const order: string[] = [];
    const remove = it.addObserver({
      nestedBegin: (point, pass) => order.push(`${point} ${pass}`),
      nestedEnd: () => order.push('nested end'),
      resumeBegin: () => order.push('resume'),
      resumeEnd: () => order.push('resume end'),
    });
    it.addHook(() =>
      it.run(() => {
        it.run(() => order.push('inner'));
        it.addSleeper({ resume: () => order.push('awake') > 0 });
      }),
    );
    const operation = (): void => it.run(() => points.reach('hmm'));
    operation();
    expect(order.splice(0)).toEqual(['hmm 1', 'inner', 'nested end', 'resume', 'awake', 'resume end']);
    remove();
    operation();
    expect(order).toEqual(['inner', 'awake']);
  });

  it('says so when a sleeping call cannot go on', () => {
    const { scope: it } = scope();
    expect(() => it.run(() => it.addSleeper({ resume: () => false }))).toThrow(
      'every sleeping call waits for a lock that is still held',
    );
  });

  it('does not run hooks for points that a resumed call passes', () => {
    const { points, scope: it } = scope();
    let passed = 0;
    it.addHook(() => passed++);
    it.run(() =>
      it.addSleeper({
        resume: () => {
          points.reach('hmm');
          return true;
        },
      }),
    );
    expect(passed).toBe(0);
  });
});

describe('nested preemption', () => {
  /** An operation that passes 'hmm' twice; what runs at it is up to the hooks. */
  function nest(depth: number, opsPerPoint = 1): string[] {
    const { points, scope: it } = scope();
    const seen: string[] = [];
    const operation = (): void =>
      it.run(() => {
        points.reach('hmm');
        points.reach('hmm');
      });
    it.addHook((point, pass, level) => {
      seen.push(`${level}:${point} ${pass}`);
      for (let count = 0; count < opsPerPoint; count++) operation();
    }, depth);
    operation();
    expect(it.active).toBe(false);
    return seen;
  }

  it('counts the passes of each operation on its own, as deep as asked', () => {
    expect(nest(1)).toEqual(['0:hmm 1', '0:hmm 2']);
    const inner = ['1:hmm 1', '1:hmm 2'];
    expect(nest(2)).toEqual(['0:hmm 1', ...inner, '0:hmm 2', ...inner]);
    const innermost = ['2:hmm 1', '2:hmm 2'];
    const third = ['1:hmm 1', ...innermost, '1:hmm 2', ...innermost];
    expect(nest(3)).toEqual(['0:hmm 1', ...third, '0:hmm 2', ...third]);
    // Two operations at one point: the second starts over.
    expect(nest(2, 2)).toEqual(['0:hmm 1', ...inner, ...inner, '0:hmm 2', ...inner, ...inner]);
  });

  it('asks each hook only as deep as it wants', () => {
    const { points, scope: it } = scope();
    const seen: string[] = [];
    const operation = (): void => it.run(() => points.reach('hmm'));
    const remove = it.addHook((_point, pass, level) => {
      seen.push(`deep ${level} ${pass}`);
      if (level < 2) operation();
    }, 3);
    it.addHook((_point, pass, level) => seen.push(`plain ${level} ${pass}`));
    operation();
    expect(seen.splice(0)).toEqual(['deep 0 1', 'deep 1 1', 'deep 2 1', 'plain 0 1']);
    remove();
    operation();
    expect(seen).toEqual(['plain 0 1']);
  });

  it('shows observers every thread that comes in', () => {
    const { points, scope: it } = scope();
    const order: string[] = [];
    it.addObserver({
      nestedBegin: (point, pass) => order.push(`( ${point} ${pass}`),
      nestedEnd: () => order.push(')'),
      resumeBegin: () => order.push('resume'),
      resumeEnd: () => order.push('resume end'),
    });
    it.addHook((_point, _pass, level) => {
      if (level === 0) it.run(() => points.reach('pages-got'));
      else it.run(() => it.run(() => order.push('work')));
    }, 2);
    it.run(() => points.reach('hmm'));
    expect(order).toEqual(['( hmm 1', '( pages-got 1', 'work', ')', ')']);
  });

  it('collects the errors of hooks of all levels, and throws them at the very end', () => {
    const { points, scope: it } = scope();
    let ended = 0;
    const operation = (): void =>
      it.run(() => {
        points.reach('hmm');
        ended++;
      });
    it.addHook((_point, _pass, level) => {
      if (level < 2) operation();
      throw new Error(`level ${level}`);
    }, 3);
    try {
      operation();
      expect.unreachable();
    } catch (error) {
      expect((error as AggregateError).errors.map(String)).toEqual([
        'Error: level 2',
        'Error: level 1',
        'Error: level 0',
      ]);
    }
    expect(ended).toBe(3);
    expect(it.run(() => 1)).toBe(1);
  });

  it('runs hooks that are deep enough at the points of a resumed call', () => {
    const { points, scope: it } = scope();
    const seen: string[] = [];
    it.addHook((_point, pass, level) => seen.push(`${level} ${pass}`), 2);
    it.run(() => {
      points.reach('hmm');
      it.addSleeper({ resume: () => (points.reach('hmm'), points.reach('hmm'), true) });
    });
    expect(seen).toEqual(['0 1', '1 1', '1 2']);
  });

  it('lets calls that sleep on several locks wait for each other', () => {
    const { scope: it } = scope();
    const order: string[] = [];
    let free = false;
    it.run(() => {
      it.addSleeper({
        resume: () => {
          order.push(free ? 'first ends' : 'first sleeps on');
          return free;
        },
      });
      it.addSleeper({
        resume: () => {
          order.push('second ends');
          return (free = true);
        },
      });
    });
    expect([order, it.sleepers]).toEqual([['first sleeps on', 'second ends', 'first ends'], 0]);
  });
});
