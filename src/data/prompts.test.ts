import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { stream } from '../random.ts'
import { type CaptionLanguage, captionLanguages } from './captions.ts'
import { type Attributes, captionFor, misspelt, namedColours, plural, promptFor, shortName } from './prompts.ts'

const captions = {
  en: { label: 'red heart', tags: ['love', 'emotion'] },
  zh: { label: '红心', tags: ['爱', '感情'] },
}

const ask = (language: CaptionLanguage, sample: number, attributes: Attributes = {}, caption = captions[language]) =>
  promptFor(caption, language, { random: stream({ seed: 1, purpose: 'prompt test', sample }), ...attributes })

const all = (language: CaptionLanguage, attributes: Attributes = {}, caption = captions[language]) =>
  Array.from({ length: 300 }, (_, sample) => ask(language, sample, attributes, caption))

const anyAttributes = fc.record<Attributes>(
  {
    colour: fc.constantFrom(...namedColours),
    small: fc.boolean(),
    two: fc.boolean(),
    mirrored: fc.boolean(),
    reversed: fc.boolean(),
    still: fc.boolean(),
  },
  { requiredKeys: [] },
)

test('whatever was done to a drawing, the words say it, in both languages', () => {
  const words = {
    en: { small: 'small', two: 'two', mirrored: 'mirrored', reversed: 'backwards', still: 'still picture' },
    zh: { small: '小小的', two: '两', mirrored: '左右翻转', reversed: '倒放', still: '静止' },
  }
  fc.assert(
    fc.property(
      anyAttributes,
      fc.constantFrom(...captionLanguages),
      fc.nat({ max: 9999 }),
      fc.boolean(),
      (attributes, language, n, verbatim) => {
        const caption = { ...captions[language], ...(verbatim ? { verbatim } : {}) }
        const prompt = ask(language, n, attributes, caption)
        const sentences = [caption.label, ...caption.tags]
        if (verbatim && !attributes.colour)
          assert.ok(
            sentences.some((text) => prompt.startsWith(text)),
            prompt,
          )
        if (attributes.colour) assert.ok(prompt.includes(attributes.colour[language]), prompt)
        for (const name of ['small', 'two', 'mirrored', 'reversed', 'still'] as const)
          assert.equal(prompt.includes(words[language][name]), Boolean(attributes[name]), `${name}: ${prompt}`)
      },
    ),
    { numRuns: 500 },
  )
})

test('a colour takes the place of the one in the name, and only then', () => {
  const blue = namedColours.find(({ en }) => en === 'blue')!
  for (const prompt of all('en', { colour: blue })) assert.ok(/blue heart/.test(prompt) && !/red/.test(prompt), prompt)
  for (const prompt of all('zh', { colour: blue })) assert.ok(/蓝色的心/.test(prompt) && !/红/.test(prompt), prompt)
  for (const prompt of all('en')) assert.ok(/red heart|love|emotion/.test(prompt), prompt)
  const plain = { label: 'orange', tags: [] } // the fruit: the whole name is the colour
  for (const prompt of all('en', { colour: blue }, plain)) assert.match(prompt, /blue orange/)
})

test('a drawing is asked for in many ways: by its name alone, with an article, by its tags, as a sticker', () => {
  const ways = new Set(all('en'))
  for (const way of ['red heart', 'a red heart', 'red heart emoji', 'a sticker of a red heart', 'love', 'an emotion'])
    assert.ok(ways.has(way), way)
  assert.ok([...ways].some((way) => way.includes(', love')))
  const chinese = new Set(all('zh'))
  for (const way of ['红心', '一个红心', '会动的红心', '红心贴纸', '爱']) assert.ok(chinese.has(way), way)
})

test('a thing is also asked for by the short name that its tags know, more often where it was changed', () => {
  const star = { label: 'glowing star', tags: ['night', 'star', 'glowing'] }
  assert.equal(shortName(star, 'en'), 'star')
  assert.equal(shortName({ label: 'dog face', tags: ['dog', 'pet'] }, 'en'), 'dog')
  assert.equal(shortName({ label: 'bell with a slash', tags: ['slash'] }, 'en'), undefined)
  assert.equal(shortName({ label: 'red heart', tags: ['love'] }, 'en'), undefined)
  assert.equal(shortName({ label: 'family: girl', tags: ['girl'] }, 'en'), undefined)
  assert.equal(shortName({ label: '闪亮的星星', tags: ['发光', '星星'] }, 'zh'), '星星')
  assert.equal(shortName({ label: '狗脸', tags: ['宠物', '狗'] }, 'zh'), '狗')
  assert.equal(shortName({ label: '星星', tags: ['星星'] }, 'zh'), undefined)
  const yellow = namedColours.find(({ en }) => en === 'yellow')!
  const share = (prompts: string[]) => prompts.filter((prompt) => !prompt.includes('glowing')).length / prompts.length
  const changed = share(all('en', { colour: yellow }, star))
  assert.ok(changed > 0.3 && changed < 0.5, `${changed}`)
  assert.ok(all('en', { colour: yellow }, star).includes('a yellow star'))
})

test('a colour that is part of a word stays in it', () => {
  const blue = namedColours.find(({ en }) => en === 'blue')
  for (const label of ['白领', '黄油', '棕榈树', '红毛猩猩', '黑白方格旗'])
    for (const prompt of all('zh', { colour: blue }, { label, tags: [] }))
      assert.ok(prompt.includes(`蓝色的${label}`), prompt)
})

test('two are asked for in the plural', () => {
  assert.deepEqual(['heart', 'box', 'butterfly', 'day', 'bus', 'torch'].map(plural), [
    ...['hearts', 'boxes', 'butterflies', 'days', 'buses', 'torches'],
  ])
  const odd = [
    'grey wolf',
    'knife',
    'snowman',
    'mouse',
    'person',
    'tooth',
    'fish',
    'sunglasses',
    'compass',
    'orangutan',
  ]
  assert.deepEqual(odd.map(plural), [
    ...['grey wolves', 'knives', 'snowmen', 'mice', 'people', 'teeth', 'fish', 'sunglasses', 'compasses', 'orangutans'],
  ])
  for (const prompt of all('en', { two: true })) assert.match(prompt, /^two red hearts/)
  assert.ok(all('en').includes('red hearts'))
})

test('articles fit the word behind them', () => {
  for (const prompt of all('en', {}, { label: 'owl', tags: [] })) assert.doesNotMatch(prompt, /\ba owl/)
  const orange = namedColours.find(({ en }) => en === 'orange')
  for (const prompt of all('en', { colour: orange })) assert.doesNotMatch(prompt, /\ba orange|\ban red/)
})

test('a drawing without tags is always asked for by its name', () => {
  for (const prompt of all('en', {}, { label: 'owl', tags: [] })) assert.match(prompt, /owl/)
  for (const prompt of all('zh', {}, { label: '猫头鹰', tags: [] })) assert.match(prompt, /猫头鹰/)
})

test('no prompt is empty or holds a stray separator, whatever the caption', () => {
  const word = fc.string({ minLength: 1, maxLength: 8 }).filter((text) => text.trim() !== '' && !/[,，]/.test(text))
  fc.assert(
    fc.property(
      word,
      fc.array(word, { maxLength: 3 }),
      anyAttributes,
      fc.nat({ max: 999 }),
      (label, tags, attributes, n) => {
        for (const language of captionLanguages) {
          const prompt = ask(language, n, attributes, { label, tags })
          assert.notEqual(prompt.trim(), '')
          for (const part of prompt.split(/, |，/)) assert.notEqual(part, '', prompt)
        }
      },
    ),
  )
})

test('a misspelt prompt differs in one word, by one letter left out, doubled, swapped or replaced', () => {
  const prompt = 'a red elephant'
  const ways = Array.from({ length: 400 }, (_, sample) =>
    misspelt(prompt, stream({ seed: 2, purpose: 'misspelt test', sample })),
  )
  for (const way of ways) assert.match(way!, /^a red e[a-z]{6,8}$/)
  for (const way of ['a red elepant', 'a red ellephant', 'a red elehpant']) assert.ok(ways.includes(way), way)
  assert.equal(misspelt('a red cat, 小猫', stream({ seed: 2, purpose: 'misspelt test' })), undefined)
})

test("a captioner says the name and what was done, in long as many tags as fit; a person's own words stay", () => {
  const said = (
    caption: Parameters<typeof captionFor>[0],
    kind: Parameters<typeof captionFor>[1],
    attributes: Attributes = {},
    most = 99,
  ) =>
    captionFor(caption, kind, {
      ...attributes,
      random: stream({ seed: 1, purpose: 'caption test' }),
      fits: ({ length }) => length <= most,
    })
  const { en, zh } = captions
  const blue = namedColours.find((colour) => colour.en === 'blue')
  const [short, long] = (['short', 'long'] as const).map((detail) => ({ language: 'en', detail }) as const)
  assert.equal(said(en, short), 'red heart')
  assert.equal(said(en, short, { colour: blue, two: true }), 'two blue hearts')
  assert.equal(said(en, long, { reversed: true }), 'red heart, backwards, love, emotion')
  assert.equal(said(en, long, {}, 16), 'red heart, love')
  assert.equal(said(zh, { language: 'zh', detail: 'long' }, { small: true }), '小小的红心，爱，感情')
  const own = { label: 'My red cat sleeps.', tags: [], verbatim: true as const }
  assert.equal(said(own, long), 'My red cat sleeps.')
  assert.equal(said(own, short, { colour: blue }), 'My cat sleeps, blue')
  assert.equal(said(own, short, { two: true, small: true }, 18), 'My red cat sleeps.')
  assert.equal(said({ ...own, tags: ['My red cat sleeps all day.'] }, long, {}, 18), 'My red cat sleeps.')
  assert.equal(said(en, short, { colour: blue, two: true }, 9), 'red heart')
})
