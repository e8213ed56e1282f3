import { captionLanguages } from './captions.ts'
import type { SampleMeta } from './dataset.ts'

/**
 * Samples without the tags that name another one: *woman* is a tag of *woman pouting*, but who asks for a woman means the
 * drawing of that name.
 */
export function withOwnTags<T extends Pick<SampleMeta, 'en' | 'zh'>>(samples: readonly T[]): T[] {
  const own = captionLanguages.map((language) => {
    const names = new Set(samples.map((sample) => sample[language].label))
    return (sample: T) => {
      const { label, tags } = sample[language]
      return { [language]: { ...sample[language], tags: tags.filter((tag) => tag === label || !names.has(tag)) } }
    }
  })
  return samples.map((sample) => Object.assign({}, sample, ...own.map((caption) => caption(sample))))
}
