/** A binary heap: `pop` returns the item that comes before all others. */
export interface Heap<T> {
  push(item: T): void
  /** Removes and returns the first item; undefined when there is none. */
  pop(): T | undefined
}

/** An empty heap, ordered by `before`. */
export function heap<T>(before: (a: T, b: T) => boolean): Heap<T> {
  const items: T[] = []
  return {
    push(item) {
      let at = items.length
      for (; at > 0; ) {
        const parent = (at - 1) >> 1
        if (!before(item, items[parent])) break
        items[at] = items[parent]
        at = parent
      }
      items[at] = item
    },
    pop() {
      const first = items[0]
      const last = items.pop()
      if (last === undefined || items.length === 0) return first
      let at = 0
      for (let child = 1; child < items.length; child = 2 * at + 1) {
        if (child + 1 < items.length && before(items[child + 1], items[child])) child++
        if (!before(items[child], last)) break
        items[at] = items[child]
        at = child
      }
      items[at] = last
      return first
    },
  }
}
