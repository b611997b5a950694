/** Numbers of things in words. */

/** "1 operation", "2 operations"; `many` for plurals that are not made with "s". */
export function counted(count: number | bigint, one: string, many = `${one}s`): string {
  return `${count} ${Number(count) === 1 ? one : many}`;
}
