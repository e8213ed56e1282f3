import { make, type Op, type Shape, ShapeError, sameShape, scalar, size, type Tensor } from '../graph/index.ts'
import { reshape } from './movement.ts'
import { expand, frontAxes } from './reduce.ts'

function checkIndices(op: string, indices: Tensor) {
  if (indices.dtype !== 'int32')
    throw new ShapeError(op, 'indices must be of type int32', { indices: indices.dtype, shape: indices })
}

const zeros = (shape: Shape): Tensor => expand(scalar(0), shape)

interface AxisAttrs {
  readonly axis: number
}

const Gather: Op<AxisAttrs> = {
  name: 'gather',
  shape([x, indices], { axis }) {
    checkIndices('gather', indices)
    return [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)]
  },
  // Each slice of dy is added where its slice of x came from.
  grad(dy, { inputs: [x, indices], attrs: { axis } }) {
    const [front, back] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)]
    const count = size(indices.shape)
    const spread = [...front, count, ...back]
    const places = expand(reshape(indices, [count, ...back.map(() => 1)]), spread)
    return [scatterAdd(zeros(x.shape), places, reshape(dy, spread), axis), undefined]
  },
  lower: ({ attrs: { axis } }, inputs, onnx) => onnx.node('Gather', inputs, { axis }),
}

/**
 * The slices of x along an axis that int32 `indices` name: an embedding looked up is `gather(table, ids)`,
 * table [V, D], ids [...] → [..., D]. The engine refuses an index outside of the axis
 * when it runs; one below 0 counts from the end, as in ONNX.
 */
export const gather = (x: Tensor, indices: Tensor, axis = 0): Tensor =>
  make(Gather, [x, indices], { axis: frontAxes('gather', x, axis)[0] })

/** Indices may be shorter than x along any axis but must have as many. */
function checkElements(op: string, x: Tensor, indices: Tensor, axis: number) {
  checkIndices(op, indices)
  const fits = indices.shape.length === x.shape.length && indices.shape.every((n, i) => i === axis || n <= x.shape[i])
  if (!fits)
    throw new ShapeError(op, `indices must have the axes of x, none longer but axis ${axis}`, { x, indices, axis })
}

const GatherElements: Op<AxisAttrs> = {
  name: 'gatherElements',
  shape([x, indices], { axis }) {
    checkElements('gatherElements', x, indices, axis)
    return indices.shape
  },
  grad: (dy, { inputs: [x, indices], attrs: { axis } }) => [scatterAdd(zeros(x.shape), indices, dy, axis), undefined],
  lower: ({ attrs: { axis } }, inputs, onnx) => onnx.node('GatherElements', inputs, { axis }),
}

/** One element of x for each index: y[i][j] = x[indices[i][j]][j] for axis 0; `indices` int32 with the axes of x. */
export const gatherElements = (x: Tensor, indices: Tensor, axis = -1): Tensor =>
  make(GatherElements, [x, indices], { axis: frontAxes('gatherElements', x, axis)[0] })

const ScatterAdd: Op<AxisAttrs> = {
  name: 'scatterAdd',
  shape([x, indices, updates], { axis }) {
    checkElements('scatterAdd', x, indices, axis)
    if (!sameShape(indices.shape, updates.shape))
      throw new ShapeError('scatterAdd', 'updates must have the shape of indices', { updates, indices })
    return x.shape
  },
  grad: (dy, { inputs: [, indices], attrs: { axis } }) => [dy, undefined, gatherElements(dy, indices, axis)],
  // Not ScatterND: on the CPU its threads add to one place at the same time, and updates are lost.
  lower: ({ attrs: { axis } }, inputs, onnx) => onnx.node('ScatterElements', inputs, { axis, reduction: 'add' }),
}

/** x with each update added to the element its index names: y[indices[i][j]][j] += updates[i][j] for axis 0. */
export const scatterAdd = (x: Tensor, indices: Tensor, updates: Tensor, axis = -1): Tensor =>
  make(ScatterAdd, [x, indices, updates], { axis: frontAxes('scatterAdd', x, axis)[0] })
