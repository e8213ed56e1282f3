export { type Arrays, type ExportOptions, type OnnxModel, toOnnx } from './export.ts'
export type { Port } from './writer.ts'
