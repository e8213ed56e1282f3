import { tokenizer } from '../data/tokenizer.ts'
import { fromTokenizerJson } from '../data/tokenizer-file.ts'
import { TubeletError } from '../errors.ts'
import { fromStored } from '../files/arrays.ts'
import { parseSafetensors } from '../files/safetensors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { modelIndex } from './model-index.ts'
import { checkClass, type ModelPart } from './model-part.ts'
import { textEncoderOf } from './text-states.ts'
import { owningText, type TextToVideo, videoPipeline } from './text-to-video.ts'

/** Loads a text-to-video model folder that a server offers under `url`, as a browser does. */
export async function fetchTextToVideo(url: string, runtime: Runtime, signal?: AbortSignal): Promise<TextToVideo> {
  const base = url.replace(/\/$/, '')
  const json = (path: string) => fetchJson(`${base}/${path}`, signal)
  const part = async (name: string, className: string, file: string): Promise<ModelPart> => {
    const folder = `${base}/${name}`
    const said = { folder, className, config: await json(`${name}/config.json`) }
    checkClass(said)
    const { tensors } = parseSafetensors(await fetchBytes(`${folder}/${file}`, signal), `${folder}/${file}`)
    const arrays = Object.fromEntries(Array.from(tensors, ([name, tensor]) => [name, fromStored(name, tensor)]))
    return { ...said, arrays }
  }
  const words = tokenizer(fromTokenizerJson(await json('tokenizer/tokenizer.json'), `${base}/tokenizer/tokenizer.json`))
  const text = await textEncoderOf(await part('text_encoder', 'CLIPModel', 'model.safetensors'), words, runtime)
  return owningText(text, async () => {
    const parts = {
      index: modelIndex(await json('model_index.json'), `${base}/model_index.json`),
      transformer: await part('transformer', 'WanTransformer3DModel', 'diffusion_pytorch_model.safetensors'),
      vae: await part('vae', 'VideoVae', 'diffusion_pytorch_model.safetensors'),
      scheduler: await json('scheduler/scheduler_config.json'),
      text,
    }
    return videoPipeline(parts, runtime)
  })
}

async function fetchJson(url: string, signal?: AbortSignal): Promise<unknown> {
  const text = new TextDecoder().decode(await fetchBytes(url, signal))
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new TubeletError('input', `${url}: not valid JSON: ${(error as Error).message}`, { cause: error })
  }
}

async function fetchBytes(url: string, signal?: AbortSignal): Promise<Uint8Array> {
  const failed = (error: Error): never => {
    if (signal?.aborted) throw new TubeletError('stopped', `stopped while ${url} was fetched`, { cause: error })
    throw new TubeletError('network', `${url}: cannot be fetched (${error.message})`, { cause: error })
  }
  const response = await fetch(url, { signal }).catch(failed)
  if (!response.ok) throw new TubeletError('network', `${url}: the server answers ${response.status}`)
  return new Uint8Array(await response.arrayBuffer().catch(failed))
}
