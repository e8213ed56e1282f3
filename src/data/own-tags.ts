import type { Caption } from './captions.ts'
import type { SampleMeta } from './dataset.ts'

type Captioned = Pick<SampleMeta, 'en' | 'zh'>

/**
 * Samples without the tags that name another one, among all that a model learns from: *woman* is a tag of *woman pouting*,
 * but who asks for a woman means the drawing of that name.
 */
export function withOwnTags<T extends Captioned>(samples: readonly T[], all: readonly Captioned[]): T[] {
  const names = {
    en: new Set(all.map(({ en }) => en.label)),
    zh: new Set(all.map(({ zh }) => zh.label)),
  }
  const own = (caption: Caption, names: ReadonlySet<string>): Caption => {
    const tags = caption.tags.filter((tag) => tag === caption.label || !names.has(tag))
    return { ...caption, tags }
  }
  return samples.map((sample) => ({ ...sample, en: own(sample.en, names.en), zh: own(sample.zh, names.zh) }))
}
