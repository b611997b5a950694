// Models: nothing - maps and sets whose storage is made with the first entry.
//
// A machine has some twenty that stay empty unless something rare happens, and who explores races makes a machine for
// each schedule: V8 takes 200 bytes for an empty map.

/** A `Map` of what is rare. */
export class LateMap<K, V> {
  private map: Map<K, V> | null = null;

  get size(): number {
    return this.map === null ? 0 : this.map.size;
  }

  get(key: K): V | undefined {
    return this.map === null ? undefined : this.map.get(key);
  }

  set(key: K, value: V): void {
    (this.map ??= new Map()).set(key, value);
  }

  delete(key: K): boolean {
    return this.map !== null && this.map.delete(key);
  }

  clear(): void {
    this.map = null;
  }

  has(key: K): boolean {
    return this.map !== null && this.map.has(key);
  }

  /** The entries in the order in which their keys came; as of a `Map`, those visited already may be deleted meanwhile. */
  entries(): Iterable<[K, V]> {
    return this.map ?? [];
  }

  keys(): Iterable<K> {
    return this.map === null ? [] : this.map.keys();
  }

  values(): Iterable<V> {
    return this.map === null ? [] : this.map.values();
  }
}

/** A `Set` of what is rare. */
export class LateSet<T> {
  private set: Set<T> | null = null;

  get size(): number {
    return this.set === null ? 0 : this.set.size;
  }

  has(value: T): boolean {
    return this.set !== null && this.set.has(value);
  }

  add(value: T): void {
    (this.set ??= new Set()).add(value);
  }

  delete(value: T): boolean {
    return this.set !== null && this.set.delete(value);
  }

  clear(): void {
    this.set = null;
  }

  /** The values in the order in which they came. */
  values(): Iterable<T> {
    return this.set ?? [];
  }
}
