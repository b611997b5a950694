/** Finds where code asks which kernel revision it runs, instead of asking the revision for a policy. */
import { parseSync } from 'vite';
import { REVISION_NAMES } from '../../lib/uapi/profile.ts';

const EQUALITY = new Set(['==', '===', '!=', '!==']);
const SEARCHES = new Set(['includes', 'startsWith', 'endsWith', 'has', 'match', 'test']);
/** Whose `name` is that of a revision. */
const OWNERS = new Set(['profile', 'revision', 'uapi']);

interface Node {
  readonly type: string;
  readonly start: number;
  readonly [member: string]: unknown;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}

function isNamedRevision(value: unknown): boolean {
  if (!isNode(value)) return false;
  if (value.type === 'Literal') return (REVISION_NAMES as readonly unknown[]).includes(value['value']);
  return isNameOfRevision(value);
}

/** `profile.name`, `this.#revision.name`, `context.revision.uapi.name`. */
function isNameOfRevision({ type, object, property }: Node): boolean {
  if (type !== 'MemberExpression' || !isNode(property) || property['name'] !== 'name' || !isNode(object)) return false;
  const owner = object.type === 'MemberExpression' && isNode(object['property']) ? object['property'] : object;
  return OWNERS.has(String(owner['name']));
}

function compares(node: Node): boolean {
  switch (node.type) {
    case 'BinaryExpression':
      return (
        EQUALITY.has(String(node['operator'])) && (isNamedRevision(node['left']) || isNamedRevision(node['right']))
      );
    case 'SwitchStatement':
      return isNamedRevision(node['discriminant']);
    case 'SwitchCase':
      return isNamedRevision(node['test']);
    case 'CallExpression': {
      const { callee } = node;
      const method = isNode(callee) && callee.type === 'MemberExpression' ? callee['property'] : undefined;
      return (
        isNode(method) && SEARCHES.has(String(method['name'])) && (node['arguments'] as unknown[]).some(isNamedRevision)
      );
    }
    default:
      return false;
  }
}

/** Lines of `source` where the name of a revision is compared, from 1. */
export function revisionNameComparisons(file: string, source: string): number[] {
  const { program, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]!.message}`);
  const lines: number[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const each of value) visit(each);
    if (!isNode(value)) return;
    if (compares(value)) lines.push(source.slice(0, value.start).split('\n').length);
    for (const each of Object.values(value)) visit(each);
  };
  visit(program);
  return [...new Set(lines)];
}
