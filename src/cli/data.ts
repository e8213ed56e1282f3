import { join } from 'node:path'
import type { Dataset } from '../data/dataset.ts'
import { type BuildEvent, buildEmoji, type EmojiOptions } from '../data/emoji.ts'
import { type Inspection, type InspectOptions, inspectDataset } from '../data/inspect.ts'

/** `tubelet data build emoji`: builds the data set, tells every event, and returns the index that it wrote. */
export async function dataBuild(options: EmojiOptions, onEvent: (event: BuildEvent) => void): Promise<Dataset> {
  let dataset: Dataset | undefined
  for await (const event of buildEmoji(options)) {
    onEvent(event)
    if (event.type === 'done') dataset = event.dataset
  }
  return dataset!
}

/** `tubelet data inspect DIR`: counts, sizes and damage; the contact sheet goes to `DIR/contact-sheet.png` unless said. */
export function dataInspect(dir: string, options: InspectOptions = {}): Promise<Inspection> {
  return inspectDataset(dir, { sheet: join(dir, 'contact-sheet.png'), ...options })
}
