import type { Tensor } from '../src/graph/index.ts'
import type { Arrays } from '../src/onnx/index.ts'
import { nodeRuntime } from '../src/runtime/node.ts'
import type { Runtime } from '../src/runtime/runtime.ts'

/** A device on which tests compute. */
export interface TestDevice {
  readonly name: string
  /** Loads, runs once and releases. */
  evaluate(outputs: Record<string, Tensor>, feeds: Arrays): Promise<Arrays>
}

/** A runtime of this process as a device. */
export function onNode(runtime: Runtime): TestDevice {
  return {
    name: `node ${runtime.device}`,
    async evaluate(outputs, feeds) {
      const program = await runtime.load(outputs)
      try {
        return await program.run(feeds)
      } finally {
        await program.release()
      }
    },
  }
}

/** What a graph computes on Node's CPU, for tests that are about the graph and not about devices. */
export const evaluate = onNode(nodeRuntime()).evaluate
