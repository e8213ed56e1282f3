import { tokenizer } from '../data/tokenizer.ts'
import { fromTokenizerJson } from '../data/tokenizer-file.ts'
import { TubeletError } from '../errors.ts'
import { fromStored } from '../files/arrays.ts'
import { parseSafetensors } from '../files/safetensors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { modelIndex } from './model-index.ts'
import type { ModelPart } from './model-part.ts'
import { textEncoderOf } from './text-states.ts'
import { owningText, type TextToVideo, videoPipeline } from './text-to-video.ts'

/** Loads a text-to-video model folder that a server offers under `url`, as a browser does. */
export async function fetchTextToVideo(url: string, runtime: Runtime, signal?: AbortSignal): Promise<TextToVideo> {
  const bytes = (path: string) => fetchBytes(`${url.replace(/\/$/, '')}/${path}`, signal)
  const json = async (path: string): Promise<unknown> => JSON.parse(new TextDecoder().decode(await bytes(path)))
  const part = async (folder: string, className: string, file: string): Promise<ModelPart> => {
    const { tensors } = parseSafetensors(await bytes(`${folder}/${file}`), `${url}/${folder}/${file}`)
    const arrays = Object.fromEntries(Array.from(tensors, ([name, tensor]) => [name, fromStored(name, tensor)]))
    return { folder: `${url}/${folder}`, className, config: await json(`${folder}/config.json`), arrays }
  }
  const words = tokenizer(fromTokenizerJson(await json('tokenizer/tokenizer.json'), 'tokenizer/tokenizer.json'))
  const text = await textEncoderOf(await part('text_encoder', 'CLIPModel', 'model.safetensors'), words, runtime)
  return owningText(text, async () => {
    const parts = {
      index: modelIndex(await json('model_index.json'), `${url}/model_index.json`),
      transformer: await part('transformer', 'WanTransformer3DModel', 'diffusion_pytorch_model.safetensors'),
      vae: await part('vae', 'VideoVae', 'diffusion_pytorch_model.safetensors'),
      scheduler: await json('scheduler/scheduler_config.json'),
      text,
    }
    return videoPipeline(parts, runtime)
  })
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
