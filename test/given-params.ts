import { type Tensor, withScope } from '../src/graph/index.ts'
import type { Params } from '../src/nn/index.ts'

/** A place in a tree of parameters whose arrays are tensors that a test holds, by their full names. */
export function givenParams(tensors: Record<string, Tensor>, path = ''): Params {
  const full = (name: string | number) => (path === '' ? String(name) : `${path}.${name}`)
  const take = (name: string, shape: readonly number[]) => {
    const t = tensors[full(name)]
    if (!t) throw new Error(`the test gives no '${full(name)}'`)
    if (t.shape.join() !== shape.join()) throw new Error(`'${full(name)}' is [${t.shape}], the layer wants [${shape}]`)
    return t
  }
  return {
    path,
    all: new Map(),
    at: (name) => givenParams(tensors, full(name)),
    get: take,
    buffer: take,
    scoped:
      (layer) =>
      (...args) =>
        withScope(path, () => layer(...args)),
  }
}
