import type { Caption } from './captions.ts'
import type { SampleMeta } from './dataset.ts'

/**
 * Samples without the tags that name another one: *woman* is a tag of *woman pouting*, but who asks for a woman means the
 * drawing of that name.
 */
export function withOwnTags<T extends Pick<SampleMeta, 'en' | 'zh'>>(samples: readonly T[]): T[] {
  const names = {
    en: new Set(samples.map(({ en }) => en.label)),
    zh: new Set(samples.map(({ zh }) => zh.label)),
  }
  const own = (caption: Caption, names: ReadonlySet<string>): Caption => {
    const tags = caption.tags.filter((tag) => tag === caption.label || !names.has(tag))
    return { ...caption, tags }
  }
  return samples.map((sample) => ({ ...sample, en: own(sample.en, names.en), zh: own(sample.zh, names.zh) }))
}
