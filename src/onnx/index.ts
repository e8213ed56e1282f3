export { type Arrays, type OnnxModel, toOnnx } from './export.ts'
export { modelBytes, type Port } from './writer.ts'
