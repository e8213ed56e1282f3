export { type NodeRuntimeOptions, nodeRuntime } from './runtime/node.ts'
export type { Arrays, Device, LoadOptions, Program, Runtime } from './runtime/runtime.ts'
