import { TubeletError } from '../errors.ts'
import { chatExpander } from '../generate/chat-expander.ts'
import { shapeExpander } from '../generate/prompt-expander.ts'
import { wholeNumber } from './arguments.ts'
import { command, type Shell } from './command.ts'

/** `tubelet expand PROMPT`: by the grammar of the shapes' captions, or by a language model behind an endpoint. */
export const expandCommand = command({
  define: (command, t) =>
    command
      .argument('<prompt>', t('expand.prompt'))
      .option('-s, --seed <n>', t('expand.seed'), wholeNumber(t, { min: 0, max: 2 ** 31 - 1 }), 0)
      .option('--endpoint <url>', t('expand.endpoint'))
      .option('--chat-model <name>', t('expand.chatModel')),

  async run([prompt], { seed, ...given }, shell) {
    const { env, signal } = shell.io
    if (prompt.trim() === '') throw new TubeletError('usage', 'expand: the prompt is empty')
    const url = given.endpoint ?? env.TUBELET_CHAT_URL
    const expander = url ? chatExpander(chatOptions(url, given.chatModel, shell)) : shapeExpander()
    const expanded = await expander.expand(prompt, { seed, signal })
    if (!url && expanded === prompt) shell.say(shell.t('expand.unread', { prompt }))
    shell.result({ prompt, expanded, seed, by: url ? 'chat' : 'grammar' }, expanded)
    return undefined
  },
})

function chatOptions(url: string, named: string | undefined, { io, t }: Shell) {
  const model = named ?? io.env.TUBELET_CHAT_MODEL
  if (!model) throw new TubeletError('usage', t('expand.whichModel'))
  return { url, model, key: io.env.TUBELET_CHAT_KEY }
}
