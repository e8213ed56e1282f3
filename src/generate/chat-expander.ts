import { stoppedError, TubeletError } from '../errors.ts'
import type { PromptExpander } from './prompt-expander.ts'

/** A server that speaks OpenAI's chat protocol: theirs, or llama.cpp, vLLM, Ollama and others on one's own machine. */
export interface ChatExpanderOptions {
  readonly url: string // with or without /v1 at its end
  readonly model: string
  readonly key?: string // sent as a bearer token
  readonly instruction?: string // what the language model is told to do
}

/** What the appendix of Betker et al. 2023 tells GPT-4, in short. */
export const expandInstruction =
  'You turn a short prompt for a picture or a short clip into one plain, exact caption of it, in the language of the ' +
  'prompt: what is there and how many, colours, sizes, where things are, what moves and how, the background. Keep ' +
  'everything that the prompt says, and contradict none of it. Answer with the caption alone, at most 60 words.'

/**
 * An expander that asks a language model at `url`/v1/chat/completions. Throws TubeletError('network') where no answer
 * comes, TubeletError('input') where the answer is none, and TubeletError('stopped') on an aborted signal.
 */
export function chatExpander({
  url,
  model,
  key,
  instruction = expandInstruction,
}: ChatExpanderOptions): PromptExpander {
  const address = `${url.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1/chat/completions`
  if (!URL.canParse(address)) throw new TubeletError('usage', `expand: '${url}' is no address of a server`)
  return {
    async expand(prompt, { seed, signal } = {}) {
      const messages = [
        { role: 'system', content: instruction },
        { role: 'user', content: prompt },
      ]
      const headers = { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) }
      const request = { method: 'POST', headers, body: JSON.stringify({ model, messages, seed }), signal }
      const [answer, body] = await ask(address, request)
      if (!answer.ok) throw new TubeletError('network', `expand: ${address} answered ${answer.status}: ${reason(body)}`)
      const text = contentOf(body)
      if (text === undefined) throw new TubeletError('input', `expand: the answer of ${address} holds no text`)
      return text
    },
  }
}

async function ask(address: string, request: RequestInit): Promise<[Response, string]> {
  try {
    const answer = await fetch(address, request)
    return [answer, await answer.text()]
  } catch (error) {
    if (request.signal?.aborted) throw stoppedError({ cause: error })
    const { cause, message } = error as Error & { cause?: Error }
    throw new TubeletError('network', `expand: no answer from ${address}: ${cause?.message || message}`, {
      cause: error,
    })
  }
}

/** The message of choice 0, without blanks around it; undefined where there is none. */
function contentOf(body: string): string | undefined {
  const content: unknown = parsed(body)?.choices?.[0]?.message?.content
  return typeof content === 'string' && content.trim() !== '' ? content.trim() : undefined
}

/** Why a server refused: its own words, if it has some. */
function reason(body: string): string {
  const told = parsed(body)?.error?.message
  return typeof told === 'string' ? told : body.slice(0, 200).trim() || 'nothing more'
}

interface ChatAnswer {
  readonly choices?: readonly { readonly message?: { readonly content?: unknown } }[]
  readonly error?: { readonly message?: unknown }
}

function parsed(body: string): ChatAnswer | undefined {
  try {
    return JSON.parse(body) as ChatAnswer
  } catch {
    return undefined
  }
}
