/** The child process of `--isolate`: runs the cases that its parent names. */
import { codedError } from '../../uapi/errors.ts';
import type { ChildAnswer, ChildRequest } from './isolate.ts';
import type { CaseGroup, ConcreteCase } from './case.ts';
import { runCase } from './run-case.ts';
import { Target } from './target.ts';

function answer(message: ChildAnswer): void {
  process.send?.(message);
}

/** Answers the parent, which names cases of `groups`, until it is gone. */
export function answerParent(groups: readonly CaseGroup[]): void {
  const cases = new Map<string, ConcreteCase>();
  // A child runs cases of one group, and making those of all takes as long as it takes to run some of them.
  const find = (id: string): ConcreteCase | undefined => {
    if (!cases.has(id)) {
      const named = groups.filter(({ path }) => id.startsWith(`${path}:`));
      for (const each of named.flatMap((group) => group.concreteCases())) cases.set(each.id, each);
    }
    return cases.get(id);
  };
  let target: Target | undefined;
  process.on('message', (request: ChildRequest) => {
    void (async () => {
      if ('target' in request) {
        // Nothing is opened here: on hardware that would be the one file with GPU work that this process can have.
        target = Target.of(request.target);
        answer({ ready: true });
        return;
      }
      const each = find(request.id);
      if (each === undefined || target === undefined) throw codedError('ERR_SVM_CASE', `unknown case ${request.id}`);
      answer({ result: await runCase(each, target, request.options) });
    })();
  });
  // Ctrl-C reaches the whole group of processes: the parent ends its children when it has noted what ran.
  process.on('SIGINT', () => undefined);
  // The parent is gone, or has no more cases.
  process.on('disconnect', () => process.exit());
}
