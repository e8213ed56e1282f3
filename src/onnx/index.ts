export { type Arrays, type ExportOptions, type OnnxModel, toOnnx } from './export.ts'
export { modelBytes, type Port } from './writer.ts'
