import type { Arrays, OnnxModel } from '../../src/onnx/index.ts'
import type { WebDevice } from '../../src/runtime/web-program.ts'

/** An array on its way between a test and the page. */
export interface Packed {
  readonly kind: 'Float32Array' | 'Int32Array' | 'Uint8Array'
  readonly base64: string
}

/** The page that a job runs in; each setting has a page of its own. */
export interface PageSettings {
  readonly device: WebDevice
  readonly threads?: number
  readonly assets?: string // where the engine's files are looked for; where they are, if absent
  readonly isolated?: boolean // whether the page is cross-origin isolated; true
}

/** One run of one model. */
export interface Job {
  readonly page: PageSettings
  readonly model: Omit<OnnxModel, 'bytes'> & { readonly bytes: Packed }
  readonly feeds: Record<string, Packed>
}

/** What came out of it, and how many threads the page has started. */
export type Answer =
  | { readonly outputs: Record<string, Packed>; readonly workers: number }
  | { readonly error: string; readonly workers: number }

const kinds = { Float32Array, Int32Array, Uint8Array }

/** An array as text. */
export function packed(array: Arrays[string]): Packed {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
  let text = ''
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768))
  const kind =
    array instanceof Float32Array ? 'Float32Array' : array instanceof Int32Array ? 'Int32Array' : 'Uint8Array'
  return { kind, base64: btoa(text) }
}

/** The array that was packed. */
export function unpacked({ kind, base64 }: Packed): Arrays[string] {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))
  return new kinds[kind](bytes.buffer)
}
