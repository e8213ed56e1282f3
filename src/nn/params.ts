import { input, type Shape, ShapeError, type Tensor, withScope } from '../graph/index.ts'
import { detach } from '../ops/index.ts'

/** Where initial values come from. */
export interface Numbers {
  normal(count: number): Float32Array
  uniform(count: number): Float32Array // in [0, 1)
}

/** Initial values of a parameter. */
export type Init = (shape: Shape, random: Numbers) => Float32Array

/** A named array that a model reads. */
export interface Parameter {
  readonly name: string // path in the published checkpoint
  readonly tensor: Tensor
  readonly init: Init
  readonly trained: boolean // false for running statistics
}

/** A place in the tree of parameters: a path, under which a layer declares its arrays. */
export interface Params {
  readonly path: string
  /** All parameters declared so far, anywhere in the tree, by full name. */
  readonly all: Map<string, Parameter>
  /** The place one step or several steps further down. */
  at(name: string | number): Params
  /** Declares a trained parameter of this place. */
  get(name: string, shape: Shape, init: Init): Tensor
  /** Declares an array that is kept with the weights but not trained. */
  buffer(name: string, shape: Shape, init: Init): Tensor
  /** The same function; nodes that it makes carry this path in profiles. */
  scoped<A extends unknown[], R>(layer: (...args: A) => R): (...args: A) => R
}

/** The root of a new tree of parameters. */
export function params(): Params {
  const all = new Map<string, Parameter>()
  const place = (path: string): Params => {
    const full = (name: string | number) => (path === '' ? String(name) : `${path}.${name}`)
    const declare = (name: string, shape: Shape, init: Init, trained: boolean) => {
      const key = full(name)
      if (all.has(key)) throw new ShapeError('params', `'${key}' is declared twice`, { shape })
      const tensor = input(key, shape)
      all.set(key, { name: key, tensor, init, trained })
      return tensor
    }
    return {
      path,
      all,
      at: (name) => place(full(name)),
      get: (name, shape, init) => declare(name, shape, init, true),
      buffer: (name, shape, init) => declare(name, shape, init, false),
      scoped:
        (layer) =>
        (...args) =>
          withScope(path, () => layer(...args)),
    }
  }
  return place('')
}

/** The same place, whose parameters are read but get no gradient: a layer that was declared before, as it stands. */
export function detachedParams(p: Params): Params {
  const read = (name: string): Tensor => {
    const key = p.path === '' ? name : `${p.path}.${name}`
    const known = p.all.get(key)
    if (!known) throw new ShapeError('params', `'${key}' must be declared before it is read`, {})
    return detach(known.tensor)
  }
  return { ...p, at: (name) => detachedParams(p.at(name)), get: read, buffer: read }
}
