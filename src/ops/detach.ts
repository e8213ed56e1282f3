import { make, type Op, type Tensor } from '../graph/index.ts'

const Detach: Op = {
  name: 'detach',
  shape: ([x]) => x.shape,
  grad: () => [undefined],
  lower: (_, inputs, onnx) => onnx.node('Identity', inputs),
}

/** x itself, through which no gradient flows: what depends on it learns nothing from it. */
export const detach = (x: Tensor): Tensor => make(Detach, [x], undefined)
