import { knownWordsOf } from 'tubelet/node'

/** What a model that learnt from these words knows, in a fixed order: those, and what the model it begins with knew. */
export async function wordsKnown(learnt: Iterable<string>, from: string | undefined): Promise<string[]> {
  const before = from === undefined ? undefined : await knownWordsOf(from)
  return [...new Set([...(before ?? []), ...learnt])].sort()
}
