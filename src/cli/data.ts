import { type BuildEvent, buildEmoji, type EmojiOptions } from '../data/emoji.ts'

/** `tubelet data build NAME`: builds a data set by its name, and tells each event. Returns its index. */
export async function dataBuild(options: EmojiOptions, onEvent: (event: BuildEvent) => void) {
  for await (const event of buildEmoji(options)) {
    onEvent(event)
    if (event.type === 'done') return event.dataset
  }
  throw new Error('a build ended without its index')
}
