export { fetchTextToVideo } from './generate/fetch-text-to-video.ts'
export type { Arrays, Device, LoadOptions, Program, Runtime } from './runtime/runtime.ts'
export { engineFiles, type WebRuntime, type WebRuntimeOptions, webRuntime } from './runtime/web.ts'
export type { WebDevice } from './runtime/web-program.ts'
