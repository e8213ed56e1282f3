export { type Arrays, type OnnxModel, toOnnx } from './export.ts'
export type { Port } from './writer.ts'
